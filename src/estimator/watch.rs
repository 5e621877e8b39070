//! Watches the assumptions: when each first passed what is assumed, and the worst that was seen, to within a factor of two.
//! What a later reading says of an earlier time is news too.

use super::assumptions::{Assumption, Assumptions, Broken};
use crate::units::Seconds;

/// A worse value is told again only if it is so many times the last one told.
const WORSE: f64 = 2.0;

/// The worst of each assumption so far.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    assumptions: Assumptions,
    /// The worst that was told, and the earliest time.
    told: [Option<(f64, Seconds)>; Assumption::ALL.len()],
    news: Vec<Broken>,
}

impl Watch {
    pub(super) fn new(assumptions: Assumptions) -> Watch {
        Watch { assumptions, told: [None; Assumption::ALL.len()], news: Vec::new() }
    }

    /// `seen` of an assumption at `at`; what exceeds it is news.
    pub(super) fn see(&mut self, assumption: Assumption, seen: f64, at: Seconds) {
        let assumed = self.assumptions.value(assumption);
        let told = &mut self.told[assumption as usize];
        let is_news = seen > assumed && told.is_none_or(|(worst, since)| seen > worst * WORSE || at < since);
        if is_news {
            let (worst, since) = told.unwrap_or((seen, at));
            *told = Some((worst.max(seen), since.min(at)));
            self.news.push(Broken { assumption, assumed, seen, at_s: at });
        }
    }

    /// What has become known since the last call.
    pub(super) fn take(&mut self) -> Vec<Broken> {
        std::mem::take(&mut self.news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assumption_is_told_once_and_again_when_it_is_much_worse() {
        let mut watch = Watch::new(Assumptions::default());
        for (seen, at) in [(1.2, 1.0), (1.3, 2.0), (1.6, 3.0), (2.7, 4.0)] {
            watch.see(Assumption::ItemCost, seen, Seconds(at));
        }
        let told: Vec<(f64, f64)> = watch.take().iter().map(|broken| (broken.seen, broken.at_s.0)).collect();
        assert_eq!(told, [(1.3, 2.0), (2.7, 4.0)], "1.25 is assumed");
        assert!(watch.take().is_empty(), "news is told once");
        watch.see(Assumption::ItemCost, 1.3, Seconds(1.5));
        assert_eq!(watch.take().len(), 1, "it did not hold before it was told either");
    }
}
