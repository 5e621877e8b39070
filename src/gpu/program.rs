//! One WGSL file, compiled for a device with its constants set.
//!
//! A program is compiled once and shared by every [`Pipeline`](super::Pipeline) that runs it on other buffers: a
//! network of thirty layers has as many programs as one layer.

use super::{Device, Error};
use std::sync::Arc;

/// A kernel's source: a real file under `kernels/`, taken in at build time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wgsl {
    /// Its file name, for messages.
    pub file: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// A compiled entry point. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) pipeline: Arc<wgpu::ComputePipeline>,
    pub(super) file: &'static str,
}

impl Program {
    /// Compiles the only entry point of `source` with its `override` constants set.
    ///
    /// # Safety of shaders
    /// Unless the device was made [`checked`](Device::checked), the checks that wgpu would weave into a shader (array
    /// bounds, endless loops, division by zero) are off: on SwiftShader they double the run time of a matrix product.
    /// A kernel must therefore stay inside the buffers that it is given; `tests/kernels` runs each one over odd shapes,
    /// with checks and without.
    ///
    /// # Errors
    /// [`Error::Refused`] with the compiler's words.
    pub fn new(device: &Device, source: Wgsl, constants: &[(&str, f64)]) -> Result<Program, Error> {
        let doing = format!("compiling {}", source.file);
        let module = module(device, source);
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
        Ok(Program { pipeline: Arc::new(pipeline), file: source.file })
    }
}

#[expect(unsafe_code, reason = "shaders without checks are wgpu's one unsafe call; see `Program::new`")]
fn module(device: &Device, source: Wgsl) -> wgpu::ShaderModule {
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(source.file),
        source: wgpu::ShaderSource::Wgsl(std::borrow::Cow::Borrowed(source.text)),
    };
    if device.is_checked() {
        return device.handle.create_shader_module(descriptor);
    }
    // SAFETY: the text is one of this crate's kernels, whose indices are bounded by the padded shapes that its
    // parameters and buffers are made from.
    unsafe { device.handle.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
}
