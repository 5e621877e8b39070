//! The profiles that come with the program.

/// A profile inside the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// The name it is asked for by.
    pub name: &'static str,
    /// The file, with its sources in comments.
    pub text: &'static str,
}

impl Shipped {
    /// What it is, in a line: the first comment of the file.
    pub fn summary(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
}

macro_rules! shipped {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(Shipped { name: $name, text: include_str!(concat!("../../profiles/", $folder, "/", $name, ".toml")) }),+]
    };
}

/// Satellites, the default first.
pub const SATELLITES: &[Shipped] =
    shipped!("satellites": "leo-100kw", "ai1", "suncatcher", "equatorial-stress", "unlimited");

/// Machines.
pub const MACHINES: &[Shipped] = shipped!("machines": "ideal", "v100-training", "a40-training", "lavapipe");

/// Meters.
pub const METERS: &[Shipped] = shipped!(
    "meters": "redfish", "redfish-environment", "ipmi-dcmi", "snmp-pdu", "tasmota", "home-assistant", "prometheus"
);
