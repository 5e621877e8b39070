//! Which adapter is meant: `--adapter NAME|INDEX|PCI|cpu`.
//!
//! * Nothing asked: the first hardware adapter, discrete before integrated before the rest; else a software one;
//!   else none.
//! * `cpu`: none. The plain-Rust twins run instead.
//! * A number that is in the list: that one. A PCI address (`0000:01:00.0`, or without its domain): the adapter in that place,
//!   which tells two equal cards apart. Anything else: the first whose name contains it, case ignored. So `4090` finds the
//!   card of that name on a machine with fewer adapters than that.

use super::{Adapter, Class, Error, Facts, list};

/// The adapter that `wanted` means on this machine; `None` for no adapter.
///
/// # Errors
/// [`Error::NoSuchAdapter`], which lists what exists.
pub fn choose(wanted: Option<&str>) -> Result<Option<Adapter>, Error> {
    let mut adapters = list();
    let facts: Vec<&Facts> = adapters.iter().map(Adapter::facts).collect();
    let position = pick(wanted, &facts)?;
    Ok(position.map(|position| adapters.swap_remove(position)))
}

fn pick(wanted: Option<&str>, adapters: &[&Facts]) -> Result<Option<usize>, Error> {
    let Some(wanted) = wanted else {
        return Ok((0..adapters.len()).min_by_key(|&position| (rank(adapters[position]), position)));
    };
    if wanted.eq_ignore_ascii_case("cpu") {
        return Ok(None);
    }
    let by_index = wanted.parse().ok().filter(|index| *index < adapters.len());
    let name = wanted.to_lowercase();
    let in_place = |facts: &&Facts| {
        let place = facts.pci_bus_id.to_lowercase();
        !place.is_empty() && (place == name || place.split_once(':').is_some_and(|(_, place)| place == name))
    };
    by_index
        .or_else(|| adapters.iter().position(in_place))
        .or_else(|| adapters.iter().position(|facts| !name.is_empty() && facts.name.to_lowercase().contains(&name)))
        .map(Some)
        .ok_or_else(|| Error::NoSuchAdapter { wanted: wanted.to_owned(), listed: listing(adapters) })
}

fn rank(facts: &Facts) -> (Class, u8) {
    let kind = match facts.device_type {
        "discrete" => 0,
        "integrated" => 1,
        _ => 2,
    };
    (facts.class, kind)
}

fn listing(adapters: &[&Facts]) -> String {
    if adapters.is_empty() {
        return "this machine has none, only `cpu`".to_owned();
    }
    let lines: Vec<String> = adapters.iter().map(|facts| facts.to_string()).collect();
    format!("there is {}, and `cpu` for none", lines.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::{Features, Limits};
    use super::*;

    fn adapter(index: usize, name: &str, device_type: &'static str, class: Class) -> Facts {
        Facts {
            index,
            name: name.to_owned(),
            vendor: String::new(),
            vendor_id: 0,
            device_id: 0,
            pci_bus_id: String::new(),
            backend: "vulkan".to_owned(),
            driver: String::new(),
            driver_info: String::new(),
            device_type,
            class,
            subgroup_size_min: 4,
            subgroup_size_max: 64,
            features: Features {
                f16: false,
                subgroup: false,
                timestamps: false,
                immediates: false,
                cooperative_matrix: Vec::new(),
            },
            limits: Limits {
                buffer_bytes: 0,
                storage_binding_bytes: 0,
                workgroup_storage_bytes: 0,
                workgroup_invocations: 0,
                workgroups_per_dimension: 0,
                immediate_bytes: 0,
            },
        }
    }

    fn machine() -> [Facts; 3] {
        [
            adapter(0, "llvmpipe (LLVM 15.0.6, 256 bits)", "cpu", Class::Software),
            adapter(1, "Intel Arc Graphics", "integrated", Class::Hardware),
            adapter(2, "NVIDIA GeForce RTX 4090", "discrete", Class::Hardware),
        ]
    }

    fn picked(wanted: Option<&str>) -> Option<usize> {
        let machine = machine();
        pick(wanted, &machine.each_ref()).expect("each of these exists")
    }

    #[test]
    fn a_discrete_gpu_is_preferred_to_an_integrated_one_and_any_gpu_to_a_renderer() {
        assert_eq!(picked(None), Some(2), "discrete first");
        let machine = machine();
        assert_eq!(pick(None, &[&machine[0], &machine[1]]).expect("some exist"), Some(1), "then integrated");
        assert_eq!(pick(None, &[&machine[0]]).expect("one exists"), Some(0), "then software");
    }

    #[test]
    fn a_machine_without_adapters_runs_on_none() {
        assert_eq!(pick(None, &[]).expect("none is no error"), None, "nothing asked, nothing there");
        assert_eq!(picked(Some("cpu")), None, "asked for none");
    }

    #[test]
    fn an_adapter_is_found_by_index_or_by_part_of_its_name() {
        assert_eq!(picked(Some("1")), Some(1), "an index");
        assert_eq!(picked(Some("LLVMPIPE")), Some(0), "a name, case ignored");
        assert_eq!(picked(Some("4090")), Some(2), "a number that is no index is a name");
    }

    #[test]
    fn two_equal_cards_are_told_apart_by_their_places() {
        let card = |index, place: &str| Facts {
            pci_bus_id: place.to_owned(),
            ..adapter(index, "NVIDIA H100 PCIe", "discrete", Class::Hardware)
        };
        let (one, two) = (card(0, "0000:3B:00.0"), card(1, "0000:d8:00.0"));
        for (wanted, index) in [("0000:d8:00.0", 1), ("D8:00.0", 1), ("3b:00.0", 0), ("H100", 0)] {
            assert_eq!(pick(Some(wanted), &[&one, &two]).expect("it is there"), Some(index), "{wanted}");
        }
        let message = pick(Some("0000:af:00.0"), &[&one, &two]).expect_err("nobody is there").to_string();
        assert!(message.contains("at 0000:d8:00.0"), "the places are listed: {message}");
    }

    #[test]
    fn a_missing_adapter_is_refused_with_a_list_of_those_there_are() {
        let machine = machine();
        for wanted in ["7", "radeon", ""] {
            let error = pick(Some(wanted), &machine.each_ref()).expect_err("none of that name");
            let message = error.to_string();
            assert!(message.starts_with(&format!("--adapter {wanted}:")), "names the flag: {message}");
            assert!(message.contains("2: NVIDIA GeForce RTX 4090 (vulkan, hardware)"), "lists what exists: {message}");
            assert!(message.contains("`cpu`"), "offers the twins: {message}");
        }
        let message = pick(Some("0"), &[]).expect_err("there are none").to_string();
        assert!(message.contains("has none"), "says that there are none: {message}");
    }
}
