//! `devices`: adapters, candle devices and power sources of this machine.

use super::arguments::DevicesArguments;
use super::equipment::{MachineFacts, require};
use super::{Exit, Failure, answer_either};

/// Lists what there is; exit code 14 where something required is missing, or a power source that was asked for cannot be used.
pub(super) fn devices(arguments: &DevicesArguments) -> Result<Exit, Failure> {
    let facts = MachineFacts::read(&arguments.meter)?;
    answer_either(arguments.output.json, &facts, || page(&facts))?;
    for requirement in &arguments.require {
        require(*requirement, &facts.classes(), facts.measures())?;
    }
    match facts.power_sources.iter().find(|probe| probe.asked_for && !probe.is_readable()) {
        Some(broken) => Err(Failure::missing(format!("--meter: power source {broken}"))),
        None => Ok(Exit::Valid),
    }
}

fn page(facts: &MachineFacts) -> String {
    let mut text = String::from("Adapters\n");
    for adapter in &facts.adapters {
        text.push_str(&format!("  {adapter}\n"));
    }
    if facts.adapters.is_empty() {
        text.push_str(
            "  none: install a Vulkan driver (Debian: apt-get install mesa-vulkan-drivers); kernels run as twins\n",
        );
    }
    text.push_str("candle devices\n");
    for device in &facts.candle_devices {
        text.push_str(&format!("  {device}\n"));
    }
    text.push_str("Power sources\n");
    for probe in &facts.power_sources {
        text.push_str(&format!("  {probe}\n"));
        if let Some(facts) = &probe.facts {
            text.push_str(&format!("    its board: {facts}\n"));
        }
    }
    text
}
