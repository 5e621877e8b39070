//! How much memory a device has: asked of Vulkan, since WebGPU has no word for it.

use super::Adapter;

impl Adapter {
    /// Bytes of the device's own memory, as its driver states them; none where the backend does not tell.
    pub fn memory_bytes(&self) -> Option<u64> {
        heaps(&self.handle)
    }
}

#[cfg(any(target_os = "linux", target_os = "windows", target_os = "android"))]
#[expect(unsafe_code, reason = "wgpu does not tell the size of a heap; its Vulkan layer does")]
fn heaps(adapter: &wgpu::Adapter) -> Option<u64> {
    // SAFETY: the adapter is only looked at while it is borrowed, and nothing of it is destroyed.
    let adapter = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = adapter.shared_instance().raw_instance();
    // SAFETY: the physical device belongs to this instance, and both live as long as the guard.
    let properties = unsafe { instance.get_physical_device_memory_properties(adapter.raw_physical_device()) };
    let heaps = properties.memory_heaps.iter().take(properties.memory_heap_count as usize);
    // Bit 0 of a heap's flags: local to the device (VK_MEMORY_HEAP_DEVICE_LOCAL_BIT).
    heaps.filter(|heap| heap.flags.as_raw() & 1 == 1).map(|heap| heap.size).max()
}

#[cfg(not(any(target_os = "linux", target_os = "windows", target_os = "android")))]
fn heaps(_adapter: &wgpu::Adapter) -> Option<u64> {
    None
}
