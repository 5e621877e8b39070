//! Models of real sensors, read by the meters that ship, on a clock of the test's own.

use crate::power::{Power, Random};
use dawndusk::meter::Meter;
use dawndusk::meter::channel::{Channel, Quantity, Sample, Sensor};
use dawndusk::meter::hwmon::Hwmon;
use dawndusk::meter::nvml::{Architecture, BoardSensor, Device, Identity, NvmlBoard, Question};
use dawndusk::meter::plausible::PowerFilter;
use dawndusk::meter::rapl::Rapl;
use dawndusk::meter::sysfs::Tree;
use dawndusk::reading::{Boundary, Coverage, NoData, Provenance, Reading, Sensing, Source};
use dawndusk::units::{Seconds, Watts};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// The sensors of the promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// NVML's energy counter, renewed every 20 to 100 ms.
    NvmlCounter,
    /// NVML's power, the mean of 25 ms out of every 100.
    NvmlQuarter,
    /// NVML's power, a mean over 1 s, renewed every 100 ms.
    NvmlAverage,
    /// amdgpu's power, renewed every 100 ms.
    Hwmon,
    /// RAPL's counter, renewed every millisecond.
    Rapl,
    /// A meter at the plug, once a second, with a gain of 1 %.
    Wall,
    /// The same, whose power is a mean over 3 s.
    WallAverage,
    /// Lines of a program, 0.1 to 1 s apart, each the mean since the one before; they arrive up to a third of that late,
    /// and are stamped when they arrive.
    Lines,
}

pub(crate) const MODELS: [Model; 8] = [
    Model::NvmlCounter,
    Model::NvmlQuarter,
    Model::NvmlAverage,
    Model::Hwmon,
    Model::Rapl,
    Model::Wall,
    Model::WallAverage,
    Model::Lines,
];

/// Share of a period by which a line may arrive late.
const LATE: f64 = 1.0 / 3.0;

/// What a sensor is in front of.
pub(crate) struct World {
    pub(crate) now: f64,
    pub(crate) power: Power,
    /// What the sensor makes of a watt.
    pub(crate) gain: f64,
    pub(crate) period: f64,
    pub(crate) phase: f64,
    pub(crate) averaging: f64,
    /// It does not answer between these times.
    pub(crate) silent: (f64, f64),
}

impl World {
    fn renewed_at(&self) -> f64 {
        ((self.now - self.phase) / self.period).floor() * self.period + self.phase
    }

    fn is_silent(&self) -> bool {
        self.silent.0 <= self.now && self.now < self.silent.1
    }

    /// Joules shown by a counter.
    fn counted(&self) -> f64 {
        self.gain * self.power.energy(self.renewed_at().max(0.0))
    }

    /// Watts shown by a sensor that averages before it shows.
    fn shown(&self) -> f64 {
        let to = self.renewed_at().max(self.averaging);
        self.gain * self.power.mean(to - self.averaging, to)
    }
}

pub(crate) type Shared = Arc<Mutex<World>>;

pub(crate) fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().expect("no test panics while it holds the world")
}

impl Model {
    /// Half width of the gain's band.
    pub(crate) fn gain(self) -> f64 {
        match self {
            Model::NvmlCounter | Model::NvmlQuarter | Model::NvmlAverage => 0.05,
            Model::Hwmon | Model::Rapl => 0.10,
            Model::Wall | Model::WallAverage | Model::Lines => 0.01,
        }
    }

    /// A meter without a rating has nothing to say of windows under three of its averages and updates.
    pub(crate) fn shortest(self) -> f64 {
        match self {
            Model::WallAverage => 12.0,
            Model::Wall | Model::Lines => 6.0,
            _ => 0.3,
        }
    }

    /// Update period and averaging time.
    pub(crate) fn timing(self, random: &mut Random) -> (f64, f64) {
        match self {
            Model::NvmlCounter => (random.scale(0.02, 0.1), 1.0),
            Model::NvmlQuarter => (0.1, 0.025),
            Model::NvmlAverage => (0.1, 1.0),
            Model::Hwmon => (0.1, 0.1),
            Model::Rapl => (0.001, 0.001),
            Model::Wall => (1.0, 1.0),
            Model::WallAverage => (1.0, 3.0),
            Model::Lines => {
                let period = random.scale(0.1, 1.0);
                (period, period)
            }
        }
    }

    /// The meter, and how often its thread looks.
    pub(crate) fn open(self, world: &Shared) -> (Box<dyn Meter>, f64) {
        match self {
            Model::NvmlCounter | Model::NvmlQuarter | Model::NvmlAverage => {
                let theirs = Arc::clone(world);
                let mut wait = move |dt: Seconds| {
                    let mut world = lock(&theirs);
                    world.now += dt.0;
                    Seconds(world.now)
                };
                let board = NvmlBoard::new(Box::new(ModelBoard::new(Arc::clone(world), self)));
                let meter = BoardSensor::open(board, "nvml:0", &mut wait).expect("it can be read");
                let period = meter.poll_period().0;
                (Box::new(meter), period)
            }
            Model::Hwmon => {
                let chip = Hwmon::open(&tree(world), "hwmon0").expect("it can be read").expect("it is a board");
                let period = chip.poll_period().0;
                (Box::new(chip), period)
            }
            Model::Rapl => (Box::new(Rapl::open(&tree(world)).expect("it can be read")), 1.0),
            Model::Wall | Model::WallAverage => (Box::new(Wall::channel(Arc::clone(world))), 0.5),
            Model::Lines => {
                let lines = Lines::channel(Arc::clone(world));
                let period = lines.poll_period().0;
                (Box::new(lines), period)
            }
        }
    }
}

struct ModelBoard {
    world: Shared,
    model: Model,
    identity: Identity,
}

impl ModelBoard {
    fn new(world: Shared, model: Model) -> ModelBoard {
        // What the reported power is a mean of: 25 ms of each 100 ms, or 1 s.
        let architecture = if model == Model::NvmlQuarter { Architecture::Ga100 } else { Architecture::AmpereOrAda };
        let (name, id) = (format!("{model:?}"), "GPU-0".to_owned());
        ModelBoard { world, model, identity: Identity { name, id, pci_address: None, architecture } }
    }
}

impl Device for ModelBoard {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn ask(&mut self, questions: &[Question]) -> Vec<Result<u64, NoData>> {
        let world = lock(&self.world);
        let answer = |question: &Question| match (question, self.model) {
            (Question::EnforcedLimit, _) => Ok(700_000),
            (Question::Energy | Question::PowerUsage, _) if world.is_silent() => Err(NoData::Timeout),
            (Question::Energy, Model::NvmlCounter) => Ok(5_000_000 + (world.counted() * 1e3) as u64),
            (Question::PowerUsage, _) => Ok((world.shown() * 1e3) as u64),
            _ => Err(NoData::NotSupported),
        };
        questions.iter().map(answer).collect()
    }

    fn processes(&mut self) -> Result<Vec<u32>, NoData> {
        Err(NoData::NotSupported)
    }

    fn reopen(&mut self) -> Result<(), NoData> {
        Ok(())
    }
}

/// One empty tree with the names that a listing must find; every text comes from the world.
fn tree(world: &Shared) -> Tree {
    static ROOT: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    let root = ROOT.get_or_init(|| {
        let root = tempfile::tempdir().expect("a temporary directory");
        for directory in ["class/hwmon/hwmon0", "class/powercap/intel-rapl:0"] {
            std::fs::create_dir_all(root.path().join(directory)).expect("directories can be made");
        }
        for file in ["power1_average", "power1_cap"] {
            std::fs::write(root.path().join("class/hwmon/hwmon0").join(file), "").expect("files can be made");
        }
        root
    });
    let world = Arc::clone(world);
    let read = move |path: &Path| {
        let world = lock(&world);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_board = path.to_string_lossy().contains("hwmon");
        match name.as_str() {
            "energy_uj" | "power1_average" if world.is_silent() => Err(io::Error::from(io::ErrorKind::TimedOut)),
            "energy_uj" => Ok(format!("{:.0}", world.counted() * 1e6)),
            "power1_average" => Ok(format!("{:.0}", world.shown() * 1e6)),
            "name" if is_board => Ok("amdgpu".to_owned()),
            "name" => Ok("package-0".to_owned()),
            "max_energy_range_uj" => Ok("262143328850".to_owned()),
            "constraint_0_name" => Ok("long_term".to_owned()),
            "constraint_0_power_limit_uw" | "power1_cap" => Ok("700000000".to_owned()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    };
    Tree::with_reader(root.path(), Arc::new(read))
}

/// A meter at the plug.
struct Wall(Shared);

/// A meter without a rating before `world`.
fn external(world: &Shared) -> Source {
    let (period, averaging) = {
        let world = lock(world);
        (world.period, world.averaging)
    };
    Source {
        name: "wall".to_owned(),
        provenance: Provenance::ExternalMeter,
        boundary: Boundary::Wall,
        method: "a model of a plug meter".to_owned(),
        update_period_s: Seconds(period),
        relative_uncertainty: Some(0.01),
        rated_w: None,
        sensing: Sensing { averaging_s: Seconds(averaging), seen_share: 1.0 },
    }
}

impl Wall {
    fn channel(world: Shared) -> Channel<Wall> {
        let source = external(&world);
        let quantity = Quantity::power(PowerFilter::new(None), source.update_period_s);
        Channel::new(source, Wall(world), vec![quantity])
    }
}

impl Sensor for Wall {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let world = lock(&self.0);
        let power = Watts((world.shown() * 10.0).round() / 10.0);
        Ok(vec![Sample::power(now, if world.is_silent() { Err(NoData::Timeout) } else { Ok(power) })])
    }
}

struct Lines {
    world: Shared,
    /// The next line that has not been read.
    next: u64,
}

impl Lines {
    fn channel(world: Shared) -> Channel<Lines> {
        let source = external(&world);
        let quantity = Quantity::power(PowerFilter::new(None), source.update_period_s);
        Channel::new(source, Lines { world, next: 0 }, vec![quantity])
    }
}

impl Sensor for Lines {
    /// All lines that have arrived; one that would have been written in a silence never does.
    fn samples(&mut self, _: Seconds) -> Result<Vec<Sample>, NoData> {
        let world = lock(&self.world);
        let mut samples = Vec::new();
        loop {
            let written = world.phase + world.period * (self.next + 1) as f64;
            let late = Random(self.next ^ world.phase.to_bits()).between(0.0, LATE) * world.period;
            if written + late > world.now {
                return Ok(samples);
            }
            self.next += 1;
            if !(world.silent.0 <= written && written < world.silent.1) {
                let power = world.gain * world.power.mean(written - world.averaging, written);
                samples.push(Sample::power(Seconds(written + late), Ok(Watts((power * 10.0).round() / 10.0))));
            }
        }
    }
}

/// A meter with the thread that looks between the flight's looks, late at times; on the world's clock.
pub(crate) struct Polled {
    pub(crate) meter: Box<dyn Meter>,
    pub(crate) world: Shared,
    pub(crate) period: f64,
    pub(crate) random: Random,
    pub(crate) next: f64,
}

impl Polled {
    fn read_at(&mut self, now: f64) -> Reading {
        lock(&self.world).now = now;
        self.meter.read(Seconds(now))
    }
}

impl Meter for Polled {
    fn source(&self) -> &Source {
        self.meter.source()
    }

    fn read(&mut self, now: Seconds) -> Reading {
        while self.next < now.0 {
            self.read_at(self.next);
            let late = if self.random.chance(0.02) { self.random.between(1.0, 4.0) } else { 1.0 };
            self.next += self.period * late * self.random.between(0.9, 1.3);
        }
        self.read_at(now.0)
    }

    fn coverage(&self) -> Coverage {
        self.meter.coverage()
    }

    fn beside_sources(&self) -> Vec<Source> {
        self.meter.beside_sources()
    }

    fn beside(&self) -> Vec<(Reading, Coverage)> {
        self.meter.beside()
    }
}
