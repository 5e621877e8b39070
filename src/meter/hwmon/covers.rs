//! What a board's figures cover: read from documented properties of its driver and its device number, or unknown.
//!
//! | driver | property | covers |
//! |---|---|---|
//! | `amdgpu` | `in1_label` is `vddnb`, which only chips with a CPU have | CPU and GPU of one package |
//! | `amdgpu` | graphics version (`ip_discovery`) or device number of a chip with a CPU | the same |
//! | `amdgpu` | device number or graphics version of a board's chip | the board |
//! | `xe` | `energyN_label`, else the number of the channel: 1 is the card, 2 the package | the board, or its package |
//! | `i915` | the one counter is the package's | the GPU's package |
//!
//! The kernel's documentation of amdgpu says of its power: used by the SoC, and on chips with a CPU this includes the CPU.
//! A cap says nothing: Van Gogh and MI300A have one and hold a CPU, a virtual function of Navi 32 has none and is a board
//! (`hwmon_attributes_visible` in the kernel's `amdgpu_pm.c`). A chip that is newer than the tables here is unknown.

use crate::meter::sysfs::Tree;
use crate::reading::Boundary;

/// Graphics versions that the kernel marks as chips with a CPU (`amdgpu_discovery_set_ip_blocks`). 9.4.3 and 9.4.4 are
/// MI300X as well as MI300A, so there the device number decides.
const VERSIONS_WITH_CPU: [(u64, u64, u64); 18] = [
    (9, 1, 0),
    (9, 2, 2),
    (9, 3, 0),
    (10, 1, 3),
    (10, 1, 4),
    (10, 3, 1),
    (10, 3, 3),
    (10, 3, 6),
    (10, 3, 7),
    (11, 0, 1),
    (11, 0, 4),
    (11, 5, 0),
    (11, 5, 1),
    (11, 5, 2),
    (11, 5, 3),
    (11, 5, 4),
    (11, 5, 6),
    (11, 7, 0),
];

/// Graphics versions of chips that are sold on boards alone (the kernel's table of discrete chips in its documentation of
/// amdgpu): Vega 20, MI100, MI200, MI350, Navi 10, 12, 14, 21 to 24, 31 to 33, 44 and 48.
const VERSIONS_OF_BOARDS: [(u64, u64, u64); 16] = [
    (9, 4, 0),
    (9, 4, 1),
    (9, 4, 2),
    (9, 5, 0),
    (10, 1, 10),
    (10, 1, 2),
    (10, 1, 1),
    (10, 3, 0),
    (10, 3, 2),
    (10, 3, 4),
    (10, 3, 5),
    (11, 0, 0),
    (11, 0, 2),
    (11, 0, 3),
    (12, 0, 0),
    (12, 0, 1),
];

/// Device numbers of AMD's chips with a CPU (pci.ids): Raven, Picasso, Renoir, Lucienne, Cezanne, Barcelo, Van Gogh (two),
/// Rembrandt (two), Mendocino, Raphael, Granite Ridge, Phoenix (two), Hawk Point (two), Strix, Krackan, Strix Halo, MI300A.
const DEVICES_WITH_CPU: [u16; 21] = [
    0x15dd, 0x15d8, 0x1636, 0x164c, 0x1638, 0x15e7, 0x163f, 0x1435, 0x164d, 0x1681, 0x1506, 0x164e, 0x13c0, 0x15bf,
    0x15c8, 0x1900, 0x1901, 0x150e, 0x1114, 0x1586, 0x74a0,
];

/// Device numbers of AMD's boards (pci.ids, and `pciidlist` in the kernel's `amdgpu_drv.c`): each chip has a range of its own,
/// but for MI300, whose numbers are those of boards and of chips with a CPU.
const BOARDS: [(u16, u16); 21] = [
    (0x67c0, 0x67ff), // Polaris 10, 11
    (0x6980, 0x699f), // Polaris 12
    (0x6860, 0x687f), // Vega 10
    (0x69a0, 0x69af), // Vega 12
    (0x66a0, 0x66af), // Vega 20
    (0x7310, 0x731f), // Navi 10
    (0x7340, 0x734f), // Navi 14
    (0x7360, 0x7362), // Navi 12
    (0x7388, 0x7390), // MI100
    (0x73a0, 0x73ff), // Navi 21, 22, 23
    (0x7408, 0x7410), // MI200
    (0x7420, 0x743f), // Navi 24
    (0x7440, 0x745f), // Navi 31
    (0x7460, 0x747f), // Navi 32, and its virtual function
    (0x7480, 0x749f), // Navi 33
    (0x74a1, 0x74a2), // MI300X, MI308X
    (0x74a5, 0x74a5), // MI325X
    (0x74b5, 0x74b5), // MI300X, virtual function
    (0x7550, 0x755f), // Navi 48
    (0x7590, 0x759f), // Navi 44
    (0x75a0, 0x75a3), // MI350X, MI355X
];

/// What the power of an amdgpu device covers, and by which property.
pub(super) fn amdgpu(tree: &Tree, directory: &str) -> (Boundary, String) {
    let with_cpu = |why: String| (Boundary::Apu, why);
    if tree.text(&format!("{directory}/in1_label")).is_ok_and(|label| label == "vddnb") {
        return with_cpu("it has the voltage vddnb, as only chips with a CPU do".into());
    }
    let (device, version) = (device(tree, directory), graphics_version(tree, directory));
    if let Some(device) = device {
        if DEVICES_WITH_CPU.contains(&device) {
            return with_cpu(format!("device {device:#06x} is a chip with a CPU"));
        }
        if BOARDS.iter().any(|&(first, last)| (first..=last).contains(&device)) {
            return (Boundary::Accelerator, format!("device {device:#06x} is a board"));
        }
    }
    let said = version.map_or(String::new(), |(major, minor, step)| format!("graphics {major}.{minor}.{step}"));
    match (version, device) {
        (Some(version), _) if VERSIONS_WITH_CPU.contains(&version) => with_cpu(format!("{said} is a chip with a CPU")),
        (Some(version), _) if VERSIONS_OF_BOARDS.contains(&version) => {
            (Boundary::Accelerator, format!("{said} is a board"))
        }
        (_, device) => {
            let device = device.map_or("no device number".into(), |device| format!("device {device:#06x}"));
            (Boundary::Unknown, format!("{device} does not say whether it holds a CPU"))
        }
    }
}

/// What an energy of Intel's drivers covers.
pub(super) fn intel(tree: &Tree, directory: &str, driver: &str, channel: u32) -> (Boundary, String) {
    let label = tree.text(&format!("{directory}/energy{channel}_label")).ok().filter(|label| !label.is_empty());
    let by_number = || match (driver, channel) {
        ("i915", 1) | ("xe", 2) => (Boundary::Package, format!("channel {channel} of {driver} is the package's")),
        ("xe", 1) => (Boundary::Accelerator, format!("channel {channel} of {driver} is the card's")),
        _ => (Boundary::Unknown, format!("channel {channel} of {driver} has no label")),
    };
    match label.as_deref() {
        Some("card") => (Boundary::Accelerator, "its label is card".into()),
        Some("pkg" | "package") => (Boundary::Package, "its label is the package's".into()),
        Some(label) => (Boundary::Unknown, format!("its label `{label}` is not documented")),
        None => by_number(),
    }
}

/// The device number on the PCI bus.
fn device(tree: &Tree, directory: &str) -> Option<u16> {
    let parse = |text: &str| u16::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok();
    if let Ok(text) = tree.text(&format!("{directory}/device/device")) {
        return parse(&text);
    }
    let uevent = tree.text(&format!("{directory}/device/uevent")).ok()?;
    let id = uevent.lines().find_map(|line| line.trim().strip_prefix("PCI_ID="))?;
    parse(id.split_once(':')?.1)
}

/// The version of the graphics block, as the driver discovered it.
fn graphics_version(tree: &Tree, directory: &str) -> Option<(u64, u64, u64)> {
    let part = |name: &str| tree.number(&format!("{directory}/device/ip_discovery/die/0/GC/0/{name}")).ok();
    Some((part("major")?, part("minor")?, part("revision")?))
}
