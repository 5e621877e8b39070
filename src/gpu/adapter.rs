//! The adapters of this machine.

use super::Facts;

/// An adapter that can be opened with [`Device::open`](super::Device::open).
#[derive(Clone, Debug)]
pub struct Adapter {
    pub(super) handle: wgpu::Adapter,
    facts: Facts,
}

impl Adapter {
    /// What is known of it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// Every adapter that Vulkan, Metal or DX12 offers, in the driver's order. Empty where there is no driver or no
/// loader: a machine without a GPU is a common machine, not a broken one.
pub fn list() -> Vec<Adapter> {
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        // Neither debug layers nor checks of indirect calls, in any build: they would be timed with the kernels.
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    pollster::block_on(instance.enumerate_adapters(backends))
        .into_iter()
        .enumerate()
        .map(|(index, handle)| Adapter { facts: Facts::of(index, &handle), handle })
        .collect()
}
