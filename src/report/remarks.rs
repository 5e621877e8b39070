//! What does not make a result invalid but must be known to read it, and what speaks against a rank.

use super::energy::{Energy, Kind};
use super::flight::FlightFigures;
use super::workload::WorkloadResult;
use crate::journal::{MeterCost, Sharing};
use crate::reading::Throttling;
use crate::units::Seconds;

/// A measured window with a name.
pub(super) type Named<'a> = (&'a str, &'a Energy, Option<Throttling>);

/// The workloads without an envelope, and the flight.
pub(super) fn windows<'a>(workloads: &'a [WorkloadResult], flight: Option<&'a FlightFigures>) -> Vec<Named<'a>> {
    let alone = workloads.iter().map(|workload| (workload.name.as_str(), &workload.energy, workload.throttled));
    alone.chain(flight.map(|flight| ("the flight", &flight.energy, flight.throttled))).collect()
}

/// Windows in which the machine was too hot or its hardware protected itself.
pub(super) fn throttled(windows: &[Named<'_>]) -> Vec<String> {
    let line = |(name, _, times): &Named<'_>| {
        let times = times.filter(|times| times.harmful_s() > Seconds::ZERO)?;
        let causes = [
            ("hot", times.thermal_s),
            ("too hot, by the hardware", times.hardware_thermal_s),
            ("power brake", times.power_brake_s),
            ("slowed by the hardware", times.hardware_s),
        ];
        let said = causes.iter().filter(|(_, time)| *time > Seconds::ZERO);
        let said: Vec<String> = said.map(|(cause, time)| format!("{cause} for {:.2} s", time.0)).collect();
        Some(format!("throttled in {name}: {}", said.join(", ")))
    };
    windows.iter().filter_map(line).collect()
}

/// Who else may have drawn what the board's sensor saw.
pub(super) fn shared(sharing: &Sharing) -> Vec<String> {
    let mut said = Vec::new();
    if sharing.is_partitioned.value == Some(true) {
        said.push("the board is cut into instances: its watts are those of all of them".to_owned());
    }
    let others = sharing.other_processes.value.as_ref().map_or(0, Vec::len);
    if others > 0 {
        let noun = if others == 1 { "process was" } else { "processes were" };
        said.push(format!("{others} other {noun} on the board before the work: its watts hold theirs too"));
    }
    said
}

/// A measured energy of which nobody says how far it may be wrong.
pub(super) fn unstated(energy: &Energy) -> Option<String> {
    let is_bare = energy.kind == Kind::Measured && energy.low_j.is_none();
    is_bare.then(|| format!("nobody states the uncertainty of {}", energy.source))
}

/// Power limits of the firmware, and what nobody here can name.
pub(super) fn capped(windows: &[Named<'_>]) -> Vec<String> {
    let times = || windows.iter().filter_map(|(name, _, times)| Some((name, (*times)?)));
    let capped = times().filter(|(_, times)| times.power_cap_s > Seconds::ZERO);
    let mut notes: Vec<String> = capped
        .map(|(name, times)| format!("capped in {name} by its power limit for {:.2} s", times.power_cap_s.0))
        .collect();
    let unknown = times().fold(0, |bits, (_, times)| bits | times.unknown);
    if unknown != 0 {
        notes.push(format!("the device was slowed down for reasons that are not known here: bits {unknown:#x}"));
    }
    notes
}

/// A meter that takes so much that it shows in what it measures.
pub(super) fn costly(cost: &MeterCost) -> Option<String> {
    let share = cost.core_share.unwrap_or(0.0).max(cost.work_share);
    (share > MeterCost::SHARE_MAX).then(|| {
        let (took, most) = (super::summary::meter(cost), 100.0 * MeterCost::SHARE_MAX);
        format!("the meter took over {most:.1} %: {took}")
    })
}

/// Sources that do not agree.
pub(super) fn disputes(windows: &[Named<'_>]) -> Vec<String> {
    let lines = |(name, energy, _): &Named<'_>| -> Vec<String> {
        energy.disputes().iter().map(|dispute| format!("sources disagree on {name}: {dispute}")).collect()
    };
    windows.iter().flat_map(lines).collect()
}

/// Sensor updates under which a measured energy is mostly window edge.
pub(super) const UPDATES_MIN: u64 = 50;

/// Windows with few updates.
pub(super) fn short(workloads: &[WorkloadResult]) -> Option<String> {
    let few = |energy: &Energy| energy.kind == Kind::Measured && energy.updates < UPDATES_MIN;
    let names: Vec<&str> =
        workloads.iter().filter(|workload| few(&workload.energy)).map(|workload| workload.name.as_str()).collect();
    let text =
        format!("SHORT: under {UPDATES_MIN} sensor updates, so most of the band is window edge: {}", names.join(", "));
    (!names.is_empty()).then_some(text)
}

/// A flight that did more than its calibration allows.
pub(super) fn outrun(flight: &FlightFigures) -> Option<String> {
    let bound = flight.scored.oracle?.upper_s;
    let text = "the flight was faster than its own calibration: the machine's speed changed, and there is no score";
    (flight.work_s > bound).then(|| text.to_owned())
}

/// Relative standard deviation of the rate over which a workload is called noisy.
const NOISY: f64 = 0.05;

/// Workloads whose rate varies.
pub(super) fn noisy(workloads: &[WorkloadResult]) -> Option<String> {
    let names: Vec<String> = workloads
        .iter()
        .filter_map(|workload| Some((&workload.name, workload.stddev_ts? / workload.avg_ts)))
        .filter(|(_, spread)| *spread > NOISY)
        .map(|(name, spread)| format!("{name} ({:.0} %)", 100.0 * spread))
        .collect();
    (!names.is_empty()).then(|| format!("NOISY: rate varies by over {:.0} %: {}", 100.0 * NOISY, names.join(", ")))
}
