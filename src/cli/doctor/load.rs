//! Idle and full power of what computes, by the source that a run would take: does the sensor see the adapter at all?
//!
//! The source is looked at for [`IDLE`] with nothing on the adapter, then for [`FULL`] under a load that keeps its units
//! busy (the kernel `fma`); the mean power of each half's second part counts, since a sensor lags behind. A sensor that
//! sees the adapter rises by more than [`RISE`].

use super::{Check, State};
use crate::gpu::{Adapter, Device};
use crate::kernel;
use crate::meter::Meter;
use crate::reading::NoData;
use crate::stats;
use crate::units::{Seconds, Watts};
use crate::workload::{KernelWorkload, Workload};

/// Watched without a load.
pub(super) const IDLE: Seconds = Seconds(1.5);

/// Watched under it: a power that is a mean over 1 s has risen by then.
pub(super) const FULL: Seconds = Seconds(3.0);

/// Between two looks.
const PAUSE: Seconds = Seconds(0.05);

/// Full power of an adapter that works, as a multiple of its idle. Boards differ by 3 times and more; less than this is
/// what fans and other processes do.
const RISE: f64 = 1.1;

/// Looks at `meter` idle and while `load` runs. `wait` sleeps and says what the clock shows then; `load` works for about as
/// long as [`PAUSE`], or says why it cannot.
pub(super) fn check(
    meter: &mut dyn Meter,
    wait: &mut dyn FnMut(Seconds) -> Seconds,
    load: &mut dyn FnMut() -> Result<(), String>,
) -> Check {
    let name = format!("{} idle and full", meter.source().name);
    let line = |state, finding: String| Check::new("power", name.clone(), state, finding);
    let idle = mean(meter, IDLE, &mut || Ok(wait(PAUSE)));
    let full = mean(meter, FULL, &mut || {
        load()?;
        Ok(wait(Seconds::ZERO))
    });
    let (idle, full) = match (idle, full) {
        (Err(why), _) | (_, Err(why)) => return line(State::Warn, format!("cannot be told: {why}")),
        (Ok(idle), Ok(full)) => (idle, full),
    };
    let of_limit = meter.source().rated_w.filter(|rated| rated.0 > 0.0);
    let of_limit = of_limit
        .map_or(String::new(), |rated| format!(", {:.0} % of the most that it can draw", 100.0 * (full / rated)));
    let finding = format!("{idle:.1} idle, {full:.1} under the kernel fma{of_limit}");
    match full.0 > idle.0 * RISE {
        true => line(State::Pass, finding),
        false => line(State::Fail, format!("{finding}: the sensor does not see what the adapter does"))
            .mend("see whether another process keeps the board busy, or name the board's own source with --meter NAME"),
    }
}

/// Mean of the powers in the second half of `span`, each `step` after the one before.
fn mean(
    meter: &mut dyn Meter,
    span: Seconds,
    step: &mut dyn FnMut() -> Result<Seconds, String>,
) -> Result<Watts, String> {
    let begin = step()?;
    let mut now = begin;
    let mut powers = Vec::new();
    let mut cause = NoData::NotYet;
    while now - begin < span {
        match meter.read(now).power {
            Ok(power) if now - begin >= span * 0.5 => powers.push(power.0),
            Ok(_) => (),
            Err(why) => cause = why,
        }
        now = step()?;
    }
    stats::mean(&powers).map(Watts).ok_or_else(|| cause.to_string())
}

/// The kernel `fma` on the adapter, ready to be run for a moment at a time.
pub(super) fn fma(adapter: &Adapter) -> Result<impl FnMut() -> Result<(), String>, String> {
    let device = Device::open(adapter).map_err(|error| error.to_string())?;
    let kernel = kernel::suite(Some(device.facts())).into_iter().find(|kernel| kernel.name() == "fma");
    let kernel = kernel.ok_or("there is no kernel fma")?;
    let mut workload = KernelWorkload::new(kernel, Some(&device), 0).map_err(|error| error.to_string())?;
    Ok(move || workload.run_batch().map(|_| ()).map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{Boundary, Coverage, Provenance, Reading, Sensing, Source};
    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A sensor that shows what a number says, or nothing where that is 0.
    struct Shows {
        source: Source,
        watts: Arc<AtomicU64>,
    }

    impl Meter for Shows {
        fn source(&self) -> &Source {
            &self.source
        }

        fn read(&mut self, now: Seconds) -> Reading {
            let power = match self.watts.load(Ordering::Relaxed) {
                0 => Err(NoData::Timeout),
                watts => Ok(Watts(watts as f64)),
            };
            Reading { taken_at: now, energy: Err(NoData::NotSupported), power }
        }

        fn coverage(&self) -> Coverage {
            Coverage::default()
        }
    }

    /// What is said of a sensor that shows `idle` watts, and `full` once there is a load.
    fn said(idle: u64, full: u64) -> Check {
        let watts = Arc::new(AtomicU64::new(idle));
        let source = Source {
            name: "nvml:0".to_owned(),
            provenance: Provenance::BoardSensor,
            boundary: Boundary::Accelerator,
            method: "a test".to_owned(),
            update_period_s: Seconds(0.1),
            relative_uncertainty: Some(0.05),
            rated_w: Some(Watts(700.0)),
            sensing: Sensing::default(),
        };
        let mut meter = Shows { source, watts: Arc::clone(&watts) };
        let clock = Cell::new(0.0);
        let mut wait = |dt: Seconds| {
            clock.set(clock.get() + dt.0);
            Seconds(clock.get())
        };
        let mut load = || {
            clock.set(clock.get() + 0.05);
            watts.store(full, Ordering::Relaxed);
            Ok(())
        };
        check(&mut meter, &mut wait, &mut load)
    }

    #[test]
    fn a_sensor_that_rises_under_load_shows_idle_and_full_power() {
        let line = said(70, 350);
        assert_eq!(line.state, State::Pass, "five times its idle: {}", line.finding);
        assert_eq!(
            line.finding, "70.0 W idle, 350.0 W under the kernel fma, 50 % of the most that it can draw",
            "both, and the limit"
        );
    }

    #[test]
    fn a_sensor_that_does_not_rise_under_load_does_not_see_the_adapter() {
        let line = said(70, 72);
        assert_eq!(line.state, State::Fail, "another board's, or none's: {}", line.finding);
        assert!(line.remedy.is_some(), "and what to do");
    }

    #[test]
    fn a_sensor_without_a_power_has_a_cause_in_place_of_both() {
        let line = said(70, 0);
        assert_eq!(line.state, State::Warn, "{}", line.finding);
        assert!(line.finding.contains("no answer in time"), "{}", line.finding);
    }
}
