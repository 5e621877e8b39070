//! What slows a board down, from the attributes of its driver.
//!
//! | driver | file, below the chip | in force | reason |
//! |---|---|---|---|
//! | `amdgpu` | `power1_cap` against the power (µW) | power at least 98 % of the cap | power cap |
//! | `amdgpu` | `temp[1-3]_crit` against `temp[1-3]_input` (m°C) | at or over it | thermal |
//! | `amdgpu` | `temp[1-3]_emergency` | at or over it | hardware, thermal |
//! | `xe` | `device/tile*/gt*/freq0/throttle/reason_*` | 1 | by its name |
//! | `i915` | `device/drm/card*/gt/gt*/throttle_reason_*` | 1 | by its name |
//!
//! amdgpu states no reasons in attributes that stay the same from kernel to kernel (`gpu_metrics` changes its layout), so
//! they follow from what its firmware acts on. Intel's names: `pl1`, `pl2`, `pl4` and `psys_pl*` are power limits; `thermal`
//! and `ratl` temperatures; `prochot` and `vr_thermalert` signals of heat; `vr_tdc`, `iccmax` and `psys_crit` those of the
//! supply. A name that nobody here knows is kept as unknown.

use crate::meter::sysfs::Tree;
use crate::meter::throttle::{Reason, ThrottleLook};
use crate::reading::NoData;
use crate::units::Watts;

/// From this share of the cap on, the firmware is what keeps the power there: it settles a little below.
const AT_CAP: f64 = 0.98;

/// Set for a reason in force whose name is not known.
const UNKNOWN_NAME: u64 = 1 << 63;

/// A file of the driver, and what it means.
struct Watched {
    file: String,
    meaning: Meaning,
}

enum Meaning {
    /// A limit in microwatts on the power of the board.
    Cap,
    /// A limit in m°C on the temperature in the file beside it.
    Limit { temperature: String, reason: Reason },
    /// 1 while it is in force; none where the name is not known.
    Flag(Option<Reason>),
}

/// The attributes that say something, found once.
pub(super) struct Causes {
    watched: Vec<Watched>,
}

impl Causes {
    /// Looks for them below `directory`, where the chip of `driver` lies.
    pub(super) fn find(tree: &Tree, directory: &str, driver: &str) -> Causes {
        let watched = if driver == "amdgpu" { limits(tree, directory) } else { flags(tree, directory) };
        Causes { watched }
    }

    /// What they say while the board draws `power`.
    pub(super) fn look(&self, tree: &Tree, power: Result<Watts, NoData>) -> Result<ThrottleLook, NoData> {
        let mut look = ThrottleLook::default();
        let mut answer = Err(NoData::NotSupported);
        for watched in &self.watched {
            let value = tree.number(&watched.file);
            let in_force = value.and_then(|value| match &watched.meaning {
                // 0 is no cap.
                Meaning::Cap => power.map(|power| value > 0 && power.0 >= AT_CAP * value as f64 * 1e-6),
                Meaning::Limit { temperature, .. } => tree.number(temperature).map(|found| value > 0 && found >= value),
                Meaning::Flag(_) => Ok(value == 1),
            });
            answer = match (answer, in_force) {
                (Ok(()), _) | (_, Ok(_)) => Ok(()),
                (_, Err(cause)) => Err(cause),
            };
            if in_force == Ok(true) {
                match watched.meaning {
                    Meaning::Cap => look.active[Reason::PowerCap as usize] = true,
                    Meaning::Limit { reason, .. } | Meaning::Flag(Some(reason)) => look.active[reason as usize] = true,
                    Meaning::Flag(None) => look.unknown |= UNKNOWN_NAME,
                }
            }
        }
        answer.map(|()| look)
    }
}

/// amdgpu's limits.
fn limits(tree: &Tree, directory: &str) -> Vec<Watched> {
    let file = |name: &str| format!("{directory}/{name}");
    let mut watched = vec![Watched { file: file("power1_cap"), meaning: Meaning::Cap }];
    for sensor in 1..=3 {
        for (name, reason) in [("crit", Reason::Thermal), ("emergency", Reason::HardwareThermal)] {
            let temperature = file(&format!("temp{sensor}_input"));
            let meaning = Meaning::Limit { temperature, reason };
            watched.push(Watched { file: file(&format!("temp{sensor}_{name}")), meaning });
        }
    }
    watched.retain(|watched| tree.has(&watched.file));
    watched
}

/// Intel's flags, of all parts of the board.
fn flags(tree: &Tree, directory: &str) -> Vec<Watched> {
    let device = format!("{directory}/device");
    let below = |folder: &str, prefix: &str| -> Vec<String> {
        let names = tree.names(folder).into_iter().filter(|name| name.starts_with(prefix));
        names.map(|name| format!("{folder}/{name}")).collect()
    };
    let tiles = below(&device, "tile");
    let of_xe = tiles.iter().flat_map(|tile| below(tile, "gt")).map(|gt| format!("{gt}/freq0/throttle"));
    let cards = below(&format!("{device}/drm"), "card");
    let of_i915 = cards.iter().flat_map(|card| below(&format!("{card}/gt"), "gt"));
    let places: Vec<(String, &str)> =
        of_xe.map(|place| (place, "reason_")).chain(of_i915.map(|place| (place, "throttle_reason_"))).collect();
    let mut watched = Vec::new();
    for (place, prefix) in places {
        for name in tree.names(&place) {
            // The status says that there is a reason, which its own file names.
            if let Some(said) = name.strip_prefix(prefix).filter(|&said| said != "status") {
                watched.push(Watched { file: format!("{place}/{name}"), meaning: Meaning::Flag(reason_of(said)) });
            }
        }
    }
    watched
}

/// The reason behind one of Intel's names.
fn reason_of(name: &str) -> Option<Reason> {
    let is_limit = ["pl1", "pl2", "pl4"].iter().any(|limit| name == *limit || name.ends_with(&format!("_{limit}")));
    match name {
        _ if is_limit => Some(Reason::PowerCap),
        "prochot" | "vr_thermalert" => Some(Reason::HardwareThermal),
        "ratl" => Some(Reason::Thermal),
        _ if name.contains("thermal") => Some(Reason::Thermal),
        "vr_tdc" | "iccmax" | "psys_crit" => Some(Reason::PowerBrake),
        _ => None,
    }
}
