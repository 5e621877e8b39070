//! A meter's own file, read like any other source: looked at along its samples and at the ends of every window, through the
//! same integral, the same books and the same bounds.
//!
//! Between two samples that lie close enough the power is interpolated. What lies before the first sample, after the last
//! one or in a gap has not been seen: a window that begins or ends there has no energy, and a gap inside is counted.

use super::gauge::{Gauge, Look};
use super::integral::{GAP_PERIODS, PowerIntegral};
use super::meter_file::MeterFile;
use super::suspend::SuspendWatch;
use super::{Drawn, Meter};
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
    let mut gauge = Gauge::with_watch(Box::new(Replay::new(file, source)), SuspendWatch::with_clock(Box::new(|| None)));
    let looks = look_along(&mut gauge, file, &edges);
    let look = |at: Seconds| edges.iter().position(|edge| *edge == at).map(|index| &looks[index]);
    let drawn = |gauge: &Gauge, (begin, end): (Seconds, Seconds)| match look(begin).zip(look(end)) {
        Some((first, last)) if end > begin => gauge.between(first, last),
        _ => Drawn::absent(NoData::NotYet, Seconds::ZERO),
    };
    let watched = idle.iter().filter_map(|&index| windows.get(index)).find_map(|&(begin, end)| {
        let energy = drawn(&gauge, (begin, end)).energy_j?;
        Some(energy / (end - begin))
    });
    if let Some(power) = watched {
        gauge.set_idle(power);
    }
    windows.iter().map(|&window| drawn(&gauge, window)).collect()
}

/// A look at each edge; between them one at each sample, as a flight's meter would be looked at.
fn look_along(gauge: &mut Gauge, file: &MeterFile, edges: &[Seconds]) -> Vec<Look> {
    let mut looks = Vec::with_capacity(edges.len());
    let Some(first) = edges.first() else { return looks };
    let from = *first - file.period() * LEAD_PERIODS;
    let mut samples = file.all().iter().map(|sample| sample.0).skip_while(|at| *at < from).peekable();
    for &edge in edges {
        while let Some(at) = samples.next_if(|at| *at < edge) {
            gauge.look(at);
        }
        looks.push(gauge.look(edge));
    }
    looks
}

/// The samples of a file as a source; its clock only goes on.
struct Replay {
    source: Source,
    samples: Vec<(Seconds, Watts)>,
    /// Samples that have passed.
    passed: usize,
    longest_step: Seconds,
    integral: PowerIntegral,
    coverage: Coverage,
}

impl Replay {
    fn new(file: &MeterFile, source: Source) -> Replay {
        Replay {
            source,
            samples: file.all().to_vec(),
            passed: 0,
            longest_step: file.period() * GAP_PERIODS,
            integral: PowerIntegral::new(file.period()),
            coverage: Coverage::default(),
        }
    }

    /// The last sample that has passed.
    fn last(&self) -> Option<(Seconds, Watts)> {
        self.passed.checked_sub(1).and_then(|index| self.samples.get(index)).copied()
    }
}

impl Meter for Replay {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        self.coverage.looks += 1;
        while let Some(&(at, power)) = self.samples.get(self.passed).filter(|sample| sample.0 <= now) {
            self.coverage.updates += u64::from(self.integral.last_power() != Some(power));
            self.integral.advance(at, power);
            self.passed += 1;
        }
        self.integral.tell(&mut self.coverage);
        match (self.last(), self.samples.get(self.passed).copied()) {
            (Some((t0, p0)), Some((t1, p1))) if now > t0 && t1 - t0 <= self.longest_step => {
                let power = p0 + (p1 - p0) * ((now - t0) / (t1 - t0));
                // The sample to come continues from the last one, not from here.
                let mut until_now = self.integral;
                until_now.advance(now, power);
                Reading { taken_at: now, energy: Ok(until_now.total()), power: Ok(power) }
            }
            // At a sample; or after the last one, not longer than one may be late.
            (Some((at, power)), None) if now - at <= self.source.update_period_s => {
                Reading { taken_at: at, energy: Ok(self.integral.total()), power: Ok(power) }
            }
            (Some((at, power)), _) if now == at => {
                Reading { taken_at: at, energy: Ok(self.integral.total()), power: Ok(power) }
            }
            _ => {
                self.coverage.missed += 1;
                Reading::absent(now, NoData::Gap)
            }
        }
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}
