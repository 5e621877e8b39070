//! What a run leans on besides adapters and power: the container, the weights, the cache, the clocks.

use super::{Check, State};
use crate::interrupt::Interrupt;
use crate::meter::suspend::{LEAP, slept_since_start};
use crate::meter::sysfs::Tree;
use crate::model::Store;
use crate::model::store::State as Stored;
use crate::tuner::CacheFolder;
use crate::units::Seconds;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Clock sources that a read of the clock need not leave the process for.
const QUICK_CLOCKS: [&str; 6] =
    ["tsc", "arch_sys_counter", "kvm-clock", "xen", "hyperv_clocksource_tsc_page", "riscv_clocksource"];

/// A read of a good clock takes some 25 ns; at a microsecond the clock shows in short kernels.
const SLOWEST_READ: Duration = Duration::from_micros(1);

/// More than this between two clocks that should agree is a step or a sleep, not the scheduler.
const LARGEST_STEP_S: f64 = 1.0;

/// A container hides what a meter needs. Nothing is said outside of one.
pub(super) fn container(sysfs: &Tree, measures: bool) -> Option<Check> {
    let marks = ["/.dockerenv", "/run/.containerenv"];
    let is_inside = marks.iter().any(|mark| Path::new(mark).exists()) || std::env::var_os("container").is_some();
    let has_powercap = sysfs.has("class/powercap/intel-rapl:0/energy_uj");
    match (is_inside && cfg!(target_os = "linux"), sysfs.has("class"), has_powercap) {
        (false, ..) => None,
        (true, false, _) => Some(
            Check::new("container", "sysfs", State::Warn, "a container without /sys: no sensor of the host can be seen")
                .mend("mount the host's /sys read-only, and name its place in DAWNDUSK_SYSFS"),
        ),
        (true, true, false) if !measures => Some(
            Check::new("container", "sysfs", State::Warn, "a container, and the host's energy counters are not to be seen")
                .mend("where the host has them: docker run -v /sys/class/powercap:/sys/class/powercap:ro -v /sys/devices:/sys/devices:ro"),
        ),
        (true, true, _) => Some(Check::new("container", "sysfs", State::Pass, "a container that sees the sensors it needs")),
    }
}

/// The weights of every model that has some, with their hashes.
pub(super) fn weights() -> Vec<Check> {
    let entries = match Store::of_user().map_err(|error| error.to_string()) {
        Ok(store) => store.list().map(|entries| (store, entries)).map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let (store, entries) = match entries {
        Ok(found) => found,
        Err(error) => {
            let check = Check::new("weights", "store", State::Warn, error);
            return vec![check.mend("set DAWNDUSK_MODELS to a folder of this user")];
        }
    };
    let line = |entry: crate::model::store::Entry| {
        let name = entry.profile.name.clone();
        let pull = format!("dawndusk models pull {name}");
        match entry.state {
            Stored::ShapeOnly => None,
            Stored::Missing => {
                let finding = "not here: seeded weights of the same shape run instead, and every page says so";
                Some(Check::new("weights", name, State::Warn, finding).mend(pull))
            }
            Stored::WrongSize { bytes } => {
                let finding = format!("{}: {bytes} bytes, not the pinned size", entry.path.display());
                Some(Check::new("weights", name, State::Fail, finding).mend(pull))
            }
            Stored::Present => Some(match store.verify(&entry.profile, &Interrupt::default(), &mut |_| ()) {
                Ok(_) => Check::new("weights", name, State::Pass, "here, SHA-256 as pinned"),
                Err(error) => Check::new("weights", name, State::Fail, error.to_string()).mend(pull),
            }),
        }
    };
    entries.into_iter().filter_map(line).collect()
}

/// Whether choices between kernels can be remembered.
pub(super) fn cache() -> Check {
    match CacheFolder::of_user().try_writing() {
        Ok(folder) => Check::new("cache", "folder", State::Pass, format!("{} can be written", folder.display())),
        Err(why) => Check::new("cache", "folder", State::Warn, format!("{why}: kernels are tried anew in every run"))
            .mend("set DAWNDUSK_CACHE to a folder that this user can write"),
    }
}

/// The clocks at the start of the look around.
pub(super) struct Clocks {
    monotonic: Instant,
    wall: SystemTime,
    slept: Option<Seconds>,
}

impl Clocks {
    pub(super) fn start() -> Clocks {
        Clocks { monotonic: Instant::now(), wall: SystemTime::now(), slept: slept_since_start() }
    }

    /// What the clocks did since then, and what they are made of.
    pub(super) fn checks(&self, sysfs: &Tree) -> Vec<Check> {
        vec![self.source(sysfs), self.steadiness()]
    }

    fn source(&self, sysfs: &Tree) -> Check {
        const READS: u32 = 1000;
        let begin = Instant::now();
        for _ in 1..READS {
            std::hint::black_box(Instant::now());
        }
        let cost = begin.elapsed() / READS;
        let source = sysfs.text("devices/system/clocksource/clocksource0/current_clocksource");
        let name = source.as_deref().unwrap_or("the system's");
        let finding = format!("{name}, {} ns a read", cost.as_nanos());
        let is_quick = cost <= SLOWEST_READ && source.as_deref().map_or(true, |name| QUICK_CLOCKS.contains(&name));
        match is_quick {
            true => Check::new("clock", "source", State::Pass, finding),
            false => Check::new("clock", "source", State::Warn, format!("{finding}: short kernels are timed with it"))
                .mend("start the kernel with clocksource=tsc where the CPU's counter is invariant"),
        }
    }

    fn steadiness(&self) -> Check {
        let elapsed = self.monotonic.elapsed().as_secs_f64();
        let wall = match self.wall.elapsed() {
            Ok(ahead) => ahead.as_secs_f64(),
            Err(behind) => -behind.duration().as_secs_f64(),
        };
        let slept = slept_since_start().zip(self.slept).map(|(now, then)| now - then);
        let check = |state, finding: String| Check::new("clock", "steadiness", state, finding);
        match slept {
            Some(slept) if slept > LEAP => check(
                State::Fail,
                format!("the machine slept for {slept:.1} during this look: nothing can be measured so"),
            )
            .mend("keep it awake: systemd-inhibit dawndusk run, or switch suspend off"),
            _ if (wall - elapsed).abs() > LARGEST_STEP_S => {
                check(State::Warn, format!("the wall clock stepped by {:.1} s: it only labels results", wall - elapsed))
                    .mend("let a time service slew the clock")
            }
            Some(_) => {
                let ever = slept_since_start().unwrap_or(Seconds::ZERO).0;
                check(
                    State::Pass,
                    format!("no sleep and no step in {elapsed:.1} s; {ever:.0} s asleep since the start"),
                )
            }
            None => check(State::Pass, format!("no step in {elapsed:.1} s; whether it sleeps cannot be told here")),
        }
    }
}
