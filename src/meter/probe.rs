//! What became of a candidate: the source with its first reading, or why not and how to mend it.
//!
//! A source is accepted by reading it. That a driver loads, a file exists or a library starts says nothing: on some
//! boards all of that succeeds and every value is refused.

use super::addends;
use super::board::BoardFacts;
use crate::reading::{NoData, Reading, Source};
use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};

/// Why a candidate is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The cause, as a reading would name it.
    pub cause: NoData,
    /// What was tried and what came of it, with the file or the call.
    pub detail: String,
    /// What a person can do about it, if anything.
    pub remedy: Option<String>,
}

impl Refusal {
    /// A refusal that nobody can mend.
    pub fn new(cause: NoData, detail: impl Into<String>) -> Refusal {
        Refusal { cause, detail: detail.into(), remedy: None }
    }

    /// The same refusal with what can be done about it.
    pub fn with_remedy(self, remedy: impl Into<String>) -> Refusal {
        Refusal { remedy: Some(remedy.into()), ..self }
    }
}

/// A source that is read from the same device as another, and is never added to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// What it is.
    pub source: Source,
    /// The first power it gave.
    pub power_w: Option<Watts>,
}

/// One line of the report on power sources, for people ([`std::fmt::Display`]) and for JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Name of the candidate, such as `nvml:0`, `rapl` or `cpu-time`.
    pub name: String,
    /// What it is, once it could be opened.
    pub source: Option<Source>,
    /// The first power it gave.
    pub power_w: Option<Watts>,
    /// Time that one read takes, the mean of a few.
    pub read_cost_s: Option<Seconds>,
    /// Why it cannot be used.
    pub refusal: Option<Refusal>,
    /// What stands on the board beside its power; none where the source is no board with a library.
    #[serde(default)]
    pub facts: Option<Box<BoardFacts>>,
    /// Another source that was seen to give the same watts: both report what one package draws, and one of them counts.
    #[serde(default)]
    pub same_as: Option<String>,
    /// Of how many CPU packages it is the sum, where the machine itself says so; what a person says of a source is not meant.
    #[serde(default)]
    pub packages: Option<u32>,
    /// A person asked for it, or for a sum of which it is a part.
    #[serde(default)]
    pub asked_for: bool,
    /// The sources that it adds; empty where it is no sum.
    #[serde(default)]
    pub parts: Vec<String>,
    /// What speaks against its numbers: it is not chosen.
    #[serde(default)]
    pub doubt: Option<String>,
    /// What is read beside it from the same device, and the first power of each.
    #[serde(default)]
    pub beside: Vec<Beside>,
}

impl Probe {
    /// True if the source answered with an energy.
    pub fn is_readable(&self) -> bool {
        self.refusal.is_none()
    }

    /// What was read and how far it can be believed, in words; empty for a source that cannot be used.
    pub fn found(&self) -> String {
        let Some(source) = &self.source else { return String::new() };
        let mut text = self.power_w.map_or_else(|| "energy".to_owned(), shown);
        if let Some(cost) = self.read_cost_s {
            text.push_str(&format!(" in {:.1} us a read", cost.0 * 1e6));
        }
        let covers = match self.parts.len() {
            0 => source.boundary.to_string(),
            count => addends::together(source.boundary, count),
        };
        text.push_str(&format!("; covers {covers}; new every {:.3}", source.update_period_s));
        match source.relative_uncertainty {
            Some(band) => text.push_str(&format!("; within {} % (k = 2)", percent(band))),
            None => text.push_str("; no band"),
        }
        text = format!("{text}; {}", source.method);
        if let Some(other) = &self.same_as {
            text.push_str(&format!("; the same watts as {other}, which reports the same package: one of them counts"));
        }
        if let Some(doubt) = &self.doubt {
            text.push_str(&format!("; in doubt, and not chosen: {doubt}"));
        }
        text
    }

    /// The doubt with the name of the source, in one sentence.
    pub fn doubted(&self) -> Option<String> {
        let doubt = self.doubt.as_ref()?;
        Some(format!("power source {} is in doubt and is not chosen by itself: {doubt}", self.name))
    }

    pub(super) fn refused(name: &str, refusal: Refusal) -> Probe {
        Probe { name: name.to_owned(), refusal: Some(refusal), ..Probe::default() }
    }

    pub(super) fn accepted(source: &Source, first: &Reading, read_cost: Seconds) -> Probe {
        let (name, source) = (source.name.clone(), Some(source.clone()));
        Probe { name, source, power_w: first.power.ok(), read_cost_s: Some(read_cost), ..Probe::default() }
    }
}

impl std::fmt::Display for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.name)?;
        if let Some(refusal) = &self.refusal {
            write!(f, "{} ({})", refusal.cause, refusal.detail)?;
            return match &refusal.remedy {
                Some(remedy) => write!(f, "; to mend it: {remedy}"),
                None => Ok(()),
            };
        }
        f.write_str(&self.found())
    }
}

/// A share in percent with two digits that count: one below a percent is no zero.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent == 0.0 || !percent.is_finite() {
        return format!("{percent:.0}");
    }
    let digits = (1.0 - percent.abs().log10().floor()).max(0.0) as usize;
    let text = format!("{percent:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A power in words; one below a tenth of a watt is no zero.
pub fn shown(power: Watts) -> String {
    if power.0 > 0.0 && power.0 < 0.1 { format!("{:.0} mW", power.0 * 1e3) } else { format!("{power:.1}") }
}

/// Where a board sits, to tell which adapter a source belongs to. What is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// PCI address, such as `0000:65:00.0`.
    pub pci_address: Option<String>,
    /// PCI vendor, such as `0x10de`.
    pub vendor_id: Option<u32>,
    /// Product name as the driver has it.
    pub product: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_shown_with_the_digits_that_count() {
        for (share, shown) in
            [(0.0, "0"), (0.004, "0.4"), (0.000_15, "0.015"), (0.05, "5"), (0.025, "2.5"), (0.2, "20"), (0.126, "13")]
        {
            assert_eq!(percent(share), shown, "{share}");
        }
    }
}
