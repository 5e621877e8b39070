//! What is known of an adapter before it is opened; fit for a table, for `--json` and for a result's conditions.

use serde::Serialize;

/// Who does the arithmetic. Decided once, in this file; every verdict on a measured number rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Class {
    /// A GPU.
    Hardware,
    /// The CPU in the guise of a GPU (lavapipe, SwiftShader, WARP). Its watts are the CPU's.
    Software,
}

impl Class {
    /// Software renderers call themselves CPUs. The names are asked too, for the layers that hide the type.
    pub(super) fn of(device_type: wgpu::DeviceType, name: &str) -> Class {
        const RENDERERS: [&str; 4] = ["llvmpipe", "swiftshader", "microsoft basic render", "softpipe"];
        let name = name.to_lowercase();
        if device_type == wgpu::DeviceType::Cpu || RENDERERS.iter().any(|renderer| name.contains(renderer)) {
            Class::Software
        } else {
            Class::Hardware
        }
    }
}

/// One adapter: who made it, who drives it, what it offers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// Its place in the list, which `--adapter` takes.
    pub index: usize,
    /// The driver's name for the device.
    pub name: String,
    /// The vendor's name, or its number if it has no name here.
    pub vendor: String,
    /// The PCI vendor number, or one of Vulkan's own above 0xffff.
    pub vendor_id: u32,
    /// The vendor's number for the device.
    pub device_id: u32,
    /// `0000:01:00.0` where the backend tells it; empty elsewhere. Joins the adapter to its power sensor.
    pub pci_bus_id: String,
    /// `vulkan`, `metal` or `dx12`.
    pub backend: String,
    /// The driver's name.
    pub driver: String,
    /// The driver's version.
    pub driver_info: String,
    /// `discrete`, `integrated`, `virtual`, `cpu` or `other`, as the driver says.
    pub device_type: &'static str,
    /// Hardware or software.
    pub class: Class,
    /// The fewest invocations that run in lockstep.
    pub subgroup_size_min: u32,
    /// The most invocations that run in lockstep.
    pub subgroup_size_max: u32,
    /// What it has that kernels may use.
    pub features: Features,
    /// The largest sizes that kernels meet.
    pub limits: Limits,
}

/// Optional abilities of an adapter that matter to kernels and to their timing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Features {
    /// 16-bit floats in shaders.
    pub f16: bool,
    /// Operations across a subgroup.
    pub subgroup: bool,
    /// The device's own clock around a pass.
    pub timestamps: bool,
    /// Parameters in the command stream instead of a buffer.
    pub immediates: bool,
    /// Matrix units of hardware, one entry for each shape: `16x16x16 F16 -> F32`. Offered is not yet correct: test before use.
    pub cooperative_matrix: Vec<String>,
}

/// Sizes beyond which a kernel is refused.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limits {
    /// The largest buffer, in bytes.
    pub buffer_bytes: u64,
    /// The largest part of a buffer that a shader can see at once, in bytes.
    pub storage_binding_bytes: u64,
    /// Memory shared within a workgroup, in bytes.
    pub workgroup_storage_bytes: u32,
    /// Invocations in one workgroup.
    pub workgroup_invocations: u32,
    /// Workgroups along one axis of a dispatch.
    pub workgroups_per_dimension: u32,
    /// Bytes of immediates.
    pub immediate_bytes: u32,
}

impl Facts {
    pub(super) fn of(index: usize, adapter: &wgpu::Adapter) -> Facts {
        let info = adapter.get_info();
        Facts {
            index,
            vendor: vendor_name(info.vendor),
            vendor_id: info.vendor,
            device_id: info.device,
            pci_bus_id: info.device_pci_bus_id,
            backend: info.backend.to_string(),
            driver: info.driver,
            driver_info: info.driver_info,
            device_type: match info.device_type {
                wgpu::DeviceType::DiscreteGpu => "discrete",
                wgpu::DeviceType::IntegratedGpu => "integrated",
                wgpu::DeviceType::VirtualGpu => "virtual",
                wgpu::DeviceType::Cpu => "cpu",
                wgpu::DeviceType::Other => "other",
            },
            class: Class::of(info.device_type, &info.name),
            subgroup_size_min: info.subgroup_min_size,
            subgroup_size_max: info.subgroup_max_size,
            features: Features::of(adapter, Class::of(info.device_type, &info.name)),
            limits: Limits::of(&adapter.limits()),
            name: info.name,
        }
    }

    /// Of a device that was opened with these features.
    pub(super) fn opened_with(&self, features: wgpu::Features) -> Facts {
        let has = |feature| features.contains(feature);
        let matrix = has(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX);
        let features = Features {
            f16: has(wgpu::Features::SHADER_F16),
            subgroup: has(wgpu::Features::SUBGROUP),
            timestamps: has(wgpu::Features::TIMESTAMP_QUERY),
            immediates: has(wgpu::Features::IMMEDIATES),
            cooperative_matrix: if matrix { self.features.cooperative_matrix.clone() } else { Vec::new() },
        };
        Facts { features, ..self.clone() }
    }
}

/// `1: NVIDIA H100 PCIe (vulkan, hardware, at 0000:01:00.0)`, as adapters are listed to people.
impl std::fmt::Display for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.pci_bus_id.is_empty() { String::new() } else { format!(", at {}", self.pci_bus_id) };
        write!(f, "{}: {} ({}, {}{place})", self.index, self.name, self.backend, self.class)
    }
}

impl Features {
    fn of(adapter: &wgpu::Adapter, class: Class) -> Features {
        let offered = adapter.features();
        // A renderer has no matrix units: what it lists is there for tests of drivers, and some list what they cannot open.
        let has_units = class == Class::Hardware && offered.contains(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX);
        let shapes = if has_units { adapter.cooperative_matrix_properties() } else { Vec::new() };
        Features {
            f16: offered.contains(wgpu::Features::SHADER_F16),
            subgroup: offered.contains(wgpu::Features::SUBGROUP),
            timestamps: offered.contains(wgpu::Features::TIMESTAMP_QUERY),
            immediates: offered.contains(wgpu::Features::IMMEDIATES),
            cooperative_matrix: shapes
                .iter()
                .map(|s| format!("{}x{}x{} {:?} -> {:?}", s.m_size, s.n_size, s.k_size, s.ab_type, s.cr_type))
                .collect(),
        }
    }
}

impl Limits {
    fn of(limits: &wgpu::Limits) -> Limits {
        Limits {
            buffer_bytes: limits.max_buffer_size,
            storage_binding_bytes: limits.max_storage_buffer_binding_size,
            workgroup_storage_bytes: limits.max_compute_workgroup_storage_size,
            workgroup_invocations: limits.max_compute_invocations_per_workgroup,
            workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
            immediate_bytes: limits.max_immediate_size,
        }
    }
}

/// Vendor numbers from the PCI-SIG list; those above 0xffff from `VkVendorId` in the Vulkan registry (vk.xml).
fn vendor_name(id: u32) -> String {
    let name = match id {
        0x1002 => "AMD",
        0x1010 => "Imagination",
        0x106b => "Apple",
        0x10de => "NVIDIA",
        0x13b5 => "Arm",
        0x1414 => "Microsoft",
        0x1ae0 => "Google",
        0x5143 => "Qualcomm",
        0x8086 => "Intel",
        0x10005 => "Mesa",
        _ => return format!("{id:#06x}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renderer_on_the_cpu_is_software_whatever_type_it_claims() {
        assert_eq!(Class::of(wgpu::DeviceType::Cpu, "unheard of"), Class::Software, "the type decides");
        assert_eq!(
            Class::of(wgpu::DeviceType::Other, "llvmpipe (LLVM 15.0.6, 256 bits)"),
            Class::Software,
            "the name decides"
        );
        assert_eq!(Class::of(wgpu::DeviceType::Other, "SwiftShader Device"), Class::Software, "the name decides");
        assert_eq!(Class::of(wgpu::DeviceType::DiscreteGpu, "NVIDIA H100 PCIe"), Class::Hardware, "a GPU is hardware");
        assert_eq!(Class::of(wgpu::DeviceType::VirtualGpu, "Virtio"), Class::Hardware, "a lent GPU is hardware");
    }

    #[test]
    fn a_vendor_without_a_name_keeps_its_number() {
        assert_eq!(vendor_name(0x10de), "NVIDIA", "known");
        assert_eq!(vendor_name(0x4321), "0x4321", "unknown");
    }
}
