//! A kernel's two sides must mean the same: what naga reads in the WGSL is what the Rust side binds and sets.

use crate::shapes;
use dawndusk::gpu::{Class, Facts, Features, Limits};
use dawndusk::kernel::{Memory, Packing, Plan, Tiling};
use naga::valid::{Capabilities, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};
use naga::{AddressSpace, ImageClass, Module, Scalar, ScalarKind, StorageAccess, StorageFormat, TypeInner};
use std::collections::{BTreeMap, BTreeSet};

/// A 16-bit float.
const HALF: Scalar = Scalar { kind: ScalarKind::Float, width: 2 };

/// Limits that every WebGPU adapter has.
fn any_adapter(class: Class) -> Facts {
    Facts {
        index: 0,
        name: "any".to_owned(),
        vendor: String::new(),
        vendor_id: 0,
        device_id: 0,
        pci_bus_id: String::new(),
        backend: "vulkan".to_owned(),
        driver: String::new(),
        driver_info: String::new(),
        device_type: "other",
        class,
        subgroup_size_min: 4,
        subgroup_size_max: 64,
        features: Features {
            f16: false,
            subgroup: true,
            timestamps: false,
            immediates: false,
            cooperative_matrix: Vec::new(),
        },
        limits: Limits {
            buffer_bytes: 256 << 20,
            storage_binding_bytes: 128 << 20,
            workgroup_storage_bytes: 16384,
            workgroup_invocations: 256,
            workgroups_per_dimension: 65535,
            immediate_bytes: 0,
        },
    }
}

/// One plan of each kernel for each class of adapter.
fn plans() -> Vec<Plan> {
    let mut plans = BTreeMap::new();
    for kernel in shapes::every_kernel() {
        for class in [Class::Hardware, Class::Software] {
            plans.entry((kernel.name(), class)).or_insert_with(|| kernel.plan(&any_adapter(class)));
        }
    }
    plans.into_values().collect()
}

fn parsed(plan: &Plan) -> Module {
    let file = plan.source.file;
    naga::front::wgsl::parse_str(plan.source.text)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(plan.source.text, file)))
}

/// Accepts what WebGPU has, and subgroups; f16 and matrix units in the kernels that are about them.
fn validator(plan: &Plan) -> Validator {
    let mut capabilities = Capabilities::SUBGROUP | Capabilities::SHADER_FLOAT16_IN_FLOAT32 | Capabilities::IMMEDIATES;
    match plan.source.file {
        "gemm_cooperative.wgsl" => capabilities |= Capabilities::SHADER_FLOAT16 | Capabilities::COOPERATIVE_MATRIX,
        "gemm_half.wgsl" => capabilities |= Capabilities::SHADER_FLOAT16,
        _ => {}
    }
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    validator.subgroup_stages(ShaderStages::COMPUTE).subgroup_operations(SubgroupOperationSet::all());
    validator
}

#[test]
fn each_file_under_kernels_belongs_to_a_kernel_of_its_name() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/kernels");
    let files: BTreeSet<String> = std::fs::read_dir(directory)
        .expect("the kernels are there")
        .map(|entry| entry.expect("an entry reads").file_name().into_string().expect("a plain name"))
        .collect();
    let used: BTreeSet<String> = plans().iter().map(|plan| plan.source.file.to_owned()).collect();
    assert_eq!(files, used, "files on one side, kernels on the other");
    for kernel in shapes::every_kernel() {
        let file = kernel.plan(&any_adapter(Class::Software)).source.file;
        assert_eq!(file, format!("{}.wgsl", kernel.name()), "a kernel and its file share a name");
    }
}

#[test]
fn each_kernel_is_valid_wgsl_with_the_extensions_that_it_may_have() {
    for plan in plans() {
        let module = parsed(&plan);
        let outcome = validator(&plan).validate(&module);
        assert!(outcome.is_ok(), "{}: {:?}", plan.source.file, outcome.err());
        assert_eq!(module.entry_points.len(), 1, "{}: one entry point", plan.source.file);
    }
}

#[test]
fn each_override_is_set_and_nothing_else_is() {
    for plan in plans() {
        let module = parsed(&plan);
        let declared: BTreeSet<&str> = module.overrides.iter().filter_map(|(_, o)| o.name.as_deref()).collect();
        let set: BTreeSet<&str> = plan.constants.iter().map(|&(name, _)| name).collect();
        assert_eq!(declared, set, "{}: declared in WGSL, set in Rust", plan.source.file);
    }
}

#[test]
fn bindings_are_the_operands_in_order_and_then_the_result() {
    for plan in plans() {
        let (file, module) = (plan.source.file, parsed(&plan));
        let held = |packing: &Packing| vec![packing.memory(); packing.words().len()];
        let memory: Vec<Memory> = plan.inputs.iter().flat_map(held).collect();
        let (mut bindings, mut images) = (BTreeMap::new(), BTreeSet::new());
        for (_, variable) in module.global_variables.iter() {
            let Some(binding) = variable.binding else { continue };
            assert_eq!(binding.group, 0, "{file}: one group");
            let (element, access) = match (&module.types[variable.ty].inner, variable.space) {
                (&TypeInner::Array { base, .. }, AddressSpace::Storage { access }) => {
                    (&module.types[base].inner, access)
                }
                (&TypeInner::Image { class: ImageClass::Storage { format, access }, .. }, AddressSpace::Handle) => {
                    let vectors = [StorageFormat::Rgba32Float, StorageFormat::Rgba32Uint].contains(&format);
                    assert!(vectors, "{file}: images of vectors of words, not {format:?}");
                    images.insert(binding.binding);
                    bindings.insert(binding.binding, access.contains(StorageAccess::STORE));
                    continue;
                }
                (&TypeInner::Image { class: ImageClass::Sampled { kind, multi }, .. }, AddressSpace::Handle) => {
                    assert_eq!((kind, multi), (ScalarKind::Float, false), "{file}: images of vectors of words");
                    images.insert(binding.binding);
                    bindings.insert(binding.binding, false);
                    continue;
                }
                other => panic!("{file}: binding {} is {other:?}, neither array nor image", binding.binding),
            };
            let (TypeInner::Scalar(scalar) | TypeInner::Vector { scalar, .. }) = *element else {
                panic!("{file}: binding {} holds {element:?}, not words or vectors", binding.binding)
            };
            let halves = memory.get(binding.binding as usize) == Some(&Memory::Halves);
            let allowed: &[Scalar] = if halves { &[HALF] } else { &[Scalar::F32, Scalar::U32] };
            assert!(
                allowed.contains(&scalar),
                "{file}: binding {} holds {element:?}, not {allowed:?}",
                binding.binding
            );
            bindings.insert(binding.binding, access.contains(StorageAccess::STORE));
        }
        let mut expected = vec![false; plan.inputs.iter().map(|packing| packing.words().len()).sum()];
        expected.extend(vec![true; 1 + plan.more_outputs.len()]);
        let expected: BTreeMap<u32, bool> = (0..).zip(expected).collect();
        assert_eq!(bindings, expected, "{file}: operands are read, the bindings after them are written");
        let in_images: BTreeSet<u32> =
            (0..).zip(&memory).filter(|(_, memory)| **memory == Memory::Image).map(|(binding, _)| binding).collect();
        assert_eq!(images, in_images, "{file}: images in WGSL, images in its plan");
        for packing in plan.inputs.iter().chain([&plan.output]).chain(&plan.more_outputs) {
            let whole = packing.words().iter().all(|words| words % 4 == 0);
            assert!(whole, "{file}: {packing:?} is whole vectors of 4");
        }
    }
}

#[test]
fn a_workgroup_shares_as_much_memory_as_its_plan_says() {
    for plan in plans() {
        let (file, module) = (plan.source.file, parsed(&plan));
        let constants = plan.constants.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let info = validator(&plan).validate(&module).expect("it is valid");
        let (module, _) = naga::back::pipeline_constants::process_overrides(&module, &info, None, &constants)
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let shared: u64 = module
            .global_variables
            .iter()
            .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup)
            .map(|(_, variable)| u64::from(module.types[variable.ty].inner.size(module.to_ctx())))
            .sum();
        assert_eq!(shared, plan.workgroup_bytes, "{file}: bytes in WGSL, bytes in its plan");
        let [x, y, z] = module.entry_points[0].workgroup_size;
        assert!(x * y * z <= 256, "{file}: {x} x {y} x {z} invocations are more than every adapter has");
    }
}

#[test]
fn each_kernel_opens_with_its_formula_dispatch_twin_and_tolerance() {
    for plan in plans() {
        let (file, text) = (plan.source.file, plan.source.text);
        let header: String = text.lines().take_while(|line| line.starts_with("//")).collect();
        let name = file.trim_end_matches(".wgsl");
        assert!(header.starts_with(&format!("// {name}: ")), "{file}: opens with its name and what it computes");
        for part in ["Dispatch: ", "Twin: src/kernel/", "Tolerance: "] {
            assert!(header.contains(part), "{file}: its header has no `{part}`");
        }
        let twin = header.split("Twin: ").nth(1).and_then(|rest| rest.split(". ").next()).expect("it names a twin");
        let path = format!("{}/{twin}", env!("CARGO_MANIFEST_DIR"));
        assert!(std::path::Path::new(&path).exists(), "{file}: its twin {twin} is not there");
    }
}

#[test]
fn an_adapter_is_given_the_product_that_it_can_run() {
    let software = |smallest| Facts { subgroup_size_min: smallest, ..any_adapter(Class::Software) };
    assert_eq!(Tiling::of(Some(&software(4))), Tiling::Quad, "four lanes in a subgroup");
    assert_eq!(Tiling::of(Some(&software(8))), Tiling::Octet, "eight lanes");
    let mut hardware = any_adapter(Class::Hardware);
    assert_eq!(Tiling::of(Some(&hardware)), Tiling::Workgroup, "a GPU, in f32");
    assert_eq!(Tiling::in_f16_of(&hardware), None, "it has no f16");
    hardware.features.f16 = true;
    assert_eq!(Tiling::in_f16_of(&hardware), Some(Tiling::Half), "it has f16 and no matrix units");
    hardware.features.cooperative_matrix = vec!["8x8x8 F32 -> F32".to_owned()];
    assert_eq!(Tiling::in_f16_of(&hardware), Some(Tiling::Half), "its units take other blocks");
    hardware.features.cooperative_matrix.push("16x16x16 F16 -> F32".to_owned());
    assert_eq!(Tiling::in_f16_of(&hardware), Some(Tiling::Cooperative), "its units take these blocks");
    hardware.subgroup_size_max = 128;
    assert_eq!(Tiling::in_f16_of(&hardware), Some(Tiling::Half), "four subgroups of 128 are over 256 invocations");
}
