//! A meter's own file, looked at along its samples and at the ends of every window, through the same integral and the same
//! bounds as any other source.
//!
//! Between two samples that lie close enough the power is interpolated. What lies before the first sample, after the last
//! one, in a gap or around a line that was lost has not been seen: a window that begins or ends there has no energy, and a
//! gap inside is counted.

use super::Drawn;
use super::energy_meter::{EnergyMeter, Mark};
use super::integral::{GAP_PERIODS, PowerIntegral};
use super::meter_file::MeterFile;
use crate::reading::{Coverage, NoData, Reading, Source};
use crate::units::{Seconds, Watts};

/// Looks before the first window, for the steadiness of the load.
const LEAD_PERIODS: f64 = 100.0;

/// What the meter behind `file` saw of each window, from begin to end on the file's clock. Of windows that are `idle`, the
/// first with an energy tells what the boundary draws at least.
pub fn windows(file: &MeterFile, source: Source, windows: &[(Seconds, Seconds)], idle: &[usize]) -> Vec<Drawn> {
    let mut edges: Vec<Seconds> = windows.iter().flat_map(|&(begin, end)| [begin, end]).collect();
    edges.retain(|edge| edge.is_finite());
    edges.sort_by(|one, two| one.0.total_cmp(&two.0));
    edges.dedup();
    let mut replay = Replay::new(file, &source);
    let marks = replay.marks(&edges);
    let mut energy = replay.energy;
    let mark = |at: Seconds| edges.iter().position(|edge| *edge == at).map(|index| &marks[index]);
    let drawn = |energy: &EnergyMeter, (begin, end): (Seconds, Seconds)| match mark(begin).zip(mark(end)) {
        Some((first, last)) if end > begin => energy.between(first, last),
        _ => Drawn::absent(NoData::NotYet, Seconds::ZERO),
    };
    let watched = idle.iter().filter_map(|&index| windows.get(index)).find_map(|&(begin, end)| {
        let idle = drawn(&energy, (begin, end)).energy_j?;
        Some(idle / (end - begin))
    });
    if let Some(power) = watched {
        energy.set_idle(power);
    }
    windows.iter().map(|&window| drawn(&energy, window)).collect()
}

/// The samples of a file on a clock that only goes on.
struct Replay<'a> {
    file: &'a MeterFile,
    update_period: Seconds,
    /// Samples that have passed.
    passed: usize,
    updates: u64,
    integral: PowerIntegral,
    energy: EnergyMeter,
}

impl Replay<'_> {
    fn new<'a>(file: &'a MeterFile, source: &Source) -> Replay<'a> {
        let (integral, energy) = (PowerIntegral::new(file.period()), EnergyMeter::new(source));
        Replay { file, update_period: source.update_period_s, passed: 0, updates: 0, integral, energy }
    }

    /// A mark at each edge; between them the file is looked at at each sample, as a flight's meter would be.
    fn marks(&mut self, edges: &[Seconds]) -> Vec<Mark> {
        let Some(first) = edges.first() else { return Vec::new() };
        let from = *first - self.file.period() * LEAD_PERIODS;
        let mut between = self.file.all().iter().map(|sample| sample.0).skip_while(|at| *at < from).peekable();
        let mark = |&edge: &Seconds| {
            while let Some(at) = between.next_if(|at| *at < edge) {
                self.mark(at);
            }
            self.mark(edge)
        };
        edges.iter().map(mark).collect()
    }

    fn mark(&mut self, at: Seconds) -> Mark {
        let reading = self.read(at);
        let mut coverage = Coverage { updates: self.updates, ..Coverage::default() };
        self.integral.tell(&mut coverage);
        self.energy.mark(at, &reading, coverage)
    }

    /// Whether the power between the last sample and the next, a `step` later, is known.
    fn is_seen(&self, step: Seconds) -> bool {
        step <= self.file.period() * GAP_PERIODS && !self.file.is_after_loss(self.passed)
    }

    fn read(&mut self, now: Seconds) -> Reading {
        let samples = self.file.all();
        while let Some(&(at, power)) = samples.get(self.passed).filter(|sample| sample.0 <= now) {
            if self.file.is_after_loss(self.passed) {
                self.integral.lose();
            }
            self.updates += u64::from(self.integral.advance(at, power));
            self.passed += 1;
        }
        let seen = |at: Seconds, power: Watts, integral: &PowerIntegral| Reading {
            taken_at: at,
            energy: Ok(integral.total()),
            power: Ok(power),
        };
        let last = self.passed.checked_sub(1).map(|last| samples[last]);
        match (last, samples.get(self.passed).copied()) {
            (Some((t0, p0)), Some((t1, p1))) if now > t0 && self.is_seen(t1 - t0) => {
                let power = p0 + (p1 - p0) * ((now - t0) / (t1 - t0));
                // The sample to come continues from the last one, not from here.
                let mut until_now = self.integral;
                until_now.advance(now, power);
                seen(now, power, &until_now)
            }
            // At a sample; or after the last one, not longer than one may be late.
            (Some((at, power)), next) if now == at || (next.is_none() && now - at <= self.update_period) => {
                seen(at, power, &self.integral)
            }
            _ => Reading::absent(now, NoData::Gap),
        }
    }
}
