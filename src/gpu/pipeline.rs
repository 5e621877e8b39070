//! One WGSL file, made ready to run on its buffers.

use super::{Buffer, Device, Error};

/// A kernel's source: a real file under `kernels/`, taken in at build time.
#[derive(Clone, Copy, Debug)]
pub struct Wgsl {
    /// Its file name, for messages.
    pub file: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// A compiled entry point with its buffers bound and its number of workgroups.
#[derive(Debug)]
pub struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) bindings: wgpu::BindGroup,
    pub(super) workgroups: [u32; 3],
    pub(super) file: &'static str,
}

impl Pipeline {
    /// Compiles the only entry point of `source` with its `override` constants set, binds `buffers` in order to
    /// `@group(0) @binding(0)` and up, and takes `workgroups` for every dispatch.
    ///
    /// # Safety of shaders
    /// The checks that wgpu would weave into a shader (array bounds, endless loops, division by zero) are off: on
    /// SwiftShader they double the run time of a matrix product. A kernel must therefore stay inside the buffers that
    /// it is given; `tests/kernels.rs` runs each one over odd shapes.
    ///
    /// # Errors
    /// [`Error::Refused`] with the compiler's words, [`Error::TooLarge`] for too many workgroups.
    pub fn new(
        device: &Device,
        source: Wgsl,
        constants: &[(&str, f64)],
        buffers: &[&Buffer],
        workgroups: [u32; 3],
    ) -> Result<Pipeline, Error> {
        let doing = format!("compiling {}", source.file);
        device.dispatches(source.file, workgroups)?;
        let module = compile(device, source);
        device.check(&doing)?;
        let pipeline = device.handle.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(source.file),
            layout: None,
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions {
                constants,
                // Every kernel writes its workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        device.check(&doing)?;
        let entries: Vec<wgpu::BindGroupEntry> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.handle.as_entire_binding() })
            .collect();
        let bindings = device.handle.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(source.file),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        device.check(&format!("binding the buffers of {}", source.file))?;
        Ok(Pipeline { pipeline, bindings, workgroups, file: source.file })
    }
}

#[expect(unsafe_code, reason = "shaders without checks are wgpu's one unsafe call; see `Pipeline::new`")]
fn compile(device: &Device, source: Wgsl) -> wgpu::ShaderModule {
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(source.file),
        source: wgpu::ShaderSource::Wgsl(std::borrow::Cow::Borrowed(source.text)),
    };
    // SAFETY: the text is one of this crate's kernels, whose indices are bounded by the padded shapes that its
    // parameters and buffers are made from.
    unsafe { device.handle.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
}
