//! Which kernel multiplies: the tuner's choice for each format and class of sizes that a model has, or the rule.

use super::EngineError;
use crate::gpu::Facts;
use crate::kernel::{Format, Memory, Sharing};
use crate::tuner::{Family, MatmulFamily, Tuner};
use std::collections::BTreeMap;

/// Choices that were made, by format and class of sizes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    made: BTreeMap<(Format, &'static str), Sharing>,
}

impl Choices {
    /// Asks the tuner once for each class that these matrices belong to, with each number of rows of x in
    /// `tokens`: the fastest right one of those that read weights from `memory`.
    pub(super) fn tuned(
        tuner: &mut Tuner,
        matrices: impl IntoIterator<Item = (Format, [usize; 2])>,
        tokens: &[u32],
        memory: Memory,
    ) -> Result<Choices, EngineError> {
        let mut made = BTreeMap::new();
        for (format, [rows, columns]) in matrices {
            let family = MatmulFamily { format };
            for &tokens in tokens {
                let shape = [tokens, rows as u32, columns as u32];
                let key = (format, family.class(&shape).name);
                if !made.contains_key(&key) {
                    let choice = tuner.choose(&family, &shape)?;
                    // Rates are of variants that compute what they should, the fastest first.
                    let passed = choice.rates.iter().filter_map(|rate| Sharing::named(&rate.variant));
                    let usable = passed.clone().find(|sharing| sharing.memory() == memory);
                    if usable.is_none() && !choice.excluded.is_empty() {
                        let excluded: Vec<String> =
                            choice.excluded.iter().map(|one| format!("{}: {}", one.variant, one.reason)).collect();
                        return Err(EngineError::NoKernel { class: key.1, format, excluded: excluded.join("; ") });
                    }
                    made.extend(usable.map(|sharing| (key, sharing)));
                }
            }
        }
        Ok(Choices { made })
    }

    /// The choice for one shape: what was tuned, or what suits the kind of adapter.
    pub(super) fn sharing(&self, facts: &Facts, format: Format, shape: [u32; 3]) -> Sharing {
        let class = MatmulFamily { format }.class(&shape).name;
        let rule = || Sharing::of(Some(facts), shape[0]);
        self.made.get(&(format, class)).copied().unwrap_or_else(rule)
    }

    /// True where nothing was tuned.
    pub fn is_empty(&self) -> bool {
        self.made.is_empty()
    }
}
