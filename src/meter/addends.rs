//! What can be added to one another: sources of one known boundary, none of which shows the watts of another.
//!
//! | are not added | since |
//! |---|---|
//! | unlike boundaries, or such that nobody states or documents | one may lie inside the other |
//! | two of which one was seen to show the watts of the other ([`super::duplicates`]) | both report one package |
//! | two sensors of the device at one PCI address | they see one board |
//! | two addresses at which the same number stands | it is one meter |

use super::address::Address;
use super::pointer;
use super::select::pci_address;
use super::trial::{Candidate, Roots};
use crate::reading::{Boundary, Sensing, Source};
use crate::units::{Seconds, Watts};

/// What the sum of `sources` is.
pub(super) fn joined(name: &str, sources: &[Source]) -> Result<Source, String> {
    let Some((first, others)) = sources.split_first() else { return Err("a sum of nothing".into()) };
    if others.is_empty() {
        return Err("a sum of one".into());
    }
    if let Some(other) = others.iter().find(|other| other.boundary != first.boundary) {
        let (one, two) = (&first.name, &other.name);
        return Err(format!(
            "{one} covers {}, {two} covers {}: unlike things are not added",
            first.boundary, other.boundary
        ));
    }
    match first.boundary {
        Boundary::NotStated => {
            return Err(format!("{} and {} do not say what they cover: say boundary=wall", first.name, others[0].name));
        }
        // Of what nobody knows one may lie inside the other.
        Boundary::Unknown => {
            let (one, two) = (&first.name, &others[0].name);
            return Err(format!("nobody documents what {one} and {two} cover: one may lie inside the other"));
        }
        Boundary::Process => return Err("there is one process, which cannot be added to itself".into()),
        _ => {}
    }
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let longest = |value: fn(&Source) -> Seconds| sources.iter().map(value).fold(Seconds::ZERO, Seconds::max);
    let seen_share = sources.iter().map(|source| source.sensing.seen_share).fold(1.0, f64::min);
    let widest = sources.iter().map(|source| source.relative_uncertainty);
    Ok(Source {
        name: name.to_owned(),
        provenance: sources.iter().map(|source| source.provenance).max().unwrap_or(first.provenance),
        boundary: first.boundary,
        method: format!(
            "{}, the sum of {}: {}",
            together(first.boundary, names.len()),
            names.join(" and "),
            first.method
        ),
        update_period_s: longest(|source| source.update_period_s),
        relative_uncertainty: widest.reduce(|one, two| Some(one?.max(two?))).flatten(),
        rated_w: sources.iter().map(|source| source.rated_w).try_fold(Watts::ZERO, |sum, rated| Some(sum + rated?)),
        sensing: Sensing { averaging_s: longest(|source| source.sensing.averaging_s), seen_share },
    })
}

/// What `count` sources of one boundary cover.
pub(super) fn together(boundary: Boundary, count: usize) -> String {
    match boundary {
        Boundary::Accelerator => format!("{count} boards"),
        Boundary::CpuPackage => format!("{count} CPU packages"),
        Boundary::Module => format!("{count} modules"),
        Boundary::Wall => format!("{boundary}, {count} supplies"),
        other => format!("{count} times {other}"),
    }
}

/// That no joule is in two of `parts`, as far as it is known where they are.
///
/// # Errors
/// Which two are one.
pub(super) fn are_apart(parts: &[&Candidate], roots: &Roots) -> Result<(), String> {
    for (index, two) in parts.iter().enumerate() {
        for one in &parts[..index] {
            let (first, second) = (&one.probe.name, &two.probe.name);
            let shows = |this: &Candidate, other: &Candidate| this.probe.same_as.as_ref() == Some(&other.probe.name);
            let is_third = one.probe.same_as.is_some() && one.probe.same_as == two.probe.same_as;
            if is_third || shows(one, two) || shows(two, one) {
                return Err(format!("{second} shows the same watts as {first}: both report one package"));
            }
            let place = |part: &Candidate| part.place.pci_address.as_deref().and_then(pci_address);
            if place(one).is_some() && place(one) == place(two) {
                let address = one.place.pci_address.as_deref().unwrap_or_default();
                return Err(format!("{first} and {second} are sensors of one device, at {address}"));
            }
            let addresses = roots.address_of(first).zip(roots.address_of(second));
            if addresses.is_some_and(|(one, two)| is_same_number(one, two)) {
                return Err(format!("{first} and {second} are one meter: they read the same number"));
            }
        }
    }
    Ok(())
}

/// Whether at both addresses stands the same number, or one that is a part of the other.
fn is_same_number(one: &Address, two: &Address) -> bool {
    let either = |one: Option<u8>, two: Option<u8>| one.is_none() || two.is_none() || one == two;
    match (one, two) {
        (
            Address::Shelly { host, port, switch, phase },
            Address::Shelly { host: other, port: their, switch: one, phase: part },
        ) => {
            let is_same_phase = phase.is_none() || part.is_none() || phase == part;
            host.eq_ignore_ascii_case(other) && port == their && either(*switch, *one) && is_same_phase
        }
        (Address::PtDaemon { host, port }, Address::PtDaemon { host: other, port: their }) => {
            host.eq_ignore_ascii_case(other) && port == their
        }
        (Address::Recorded { file, .. }, Address::Recorded { file: other, .. }) => file == other,
        (Address::Exec(one), Address::Exec(two)) => one.command == two.command && one.parameters() == two.parameters(),
        (Address::Web(one), Address::Web(two)) => {
            let is_same_server =
                one.server.host.eq_ignore_ascii_case(&two.server.host) && one.server.port == two.server.port;
            let meet = |place: &String| two.pointers.iter().any(|other| pointer::meet(place, other));
            is_same_server && one.path == two.path && one.pointers.iter().any(meet)
        }
        _ => false,
    }
}
