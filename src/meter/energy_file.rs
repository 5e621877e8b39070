//! One energy counter in an attribute file, in microjoules: RAPL's zones and Intel's boards have it alike.

use super::counter::{Counter, Limits};
use super::mean_power::MeanPower;
use super::sysfs::Tree;
use crate::reading::{NoData, Reading};
use crate::units::Seconds;

/// A counter file under watch.
pub(super) struct EnergyFile {
    tree: Tree,
    file: String,
    counter: Counter,
    mean: MeanPower,
}

/// What one look at the file found.
pub(super) struct Look {
    pub(super) reading: Reading,
    pub(super) is_update: bool,
}

impl EnergyFile {
    pub(super) fn new(tree: Tree, file: String, limits: Limits) -> EnergyFile {
        EnergyFile { tree, file, counter: Counter::new(limits), mean: MeanPower::default() }
    }

    pub(super) fn look(&mut self, now: Seconds) -> Look {
        let count = match self.tree.number(&self.file) {
            Ok(count) => count,
            Err(cause) => {
                // A file that was there when the source was opened and is not any more went with its device.
                let is_gone = cause == NoData::NotSupported && !self.tree.has(&self.file);
                let cause = if is_gone { NoData::Lost } else { cause };
                return Look { reading: Reading::absent(now, cause), is_update: false };
            }
        };
        let is_update = self.counter.last_count() != Some(count);
        let step = self.counter.advance(now, count);
        self.mean.advance(now, step.energy());
        Look { reading: Reading { taken_at: now, energy: self.counter.total(), power: self.mean.watts() }, is_update }
    }
}
