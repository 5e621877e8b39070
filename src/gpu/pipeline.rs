//! A program with its buffers bound, ready to be dispatched.

use super::program::Program;
use super::{Buffer, Device, Error, Resource};

/// A program, its buffers, its number of workgroups and its immediates.
#[derive(Debug)]
pub struct Pipeline {
    pub(super) program: Program,
    pub(super) bindings: wgpu::BindGroup,
    pub(super) workgroups: [u32; 3],
    pub(super) immediates: Vec<u32>,
}

impl Pipeline {
    /// Binds `buffers` in order to `@group(0) @binding(0)` and up, and takes `workgroups` for every dispatch.
    ///
    /// # Errors
    /// [`Error::Refused`] where they do not fit the program, [`Error::TooLarge`] for too many workgroups.
    pub fn of(
        device: &Device,
        program: &Program,
        buffers: &[&Buffer],
        workgroups: [u32; 3],
    ) -> Result<Pipeline, Error> {
        let resources: Vec<Resource<'_>> = buffers.iter().map(|buffer| Resource::Buffer(buffer)).collect();
        Pipeline::with_resources(device, program, &resources, workgroups)
    }

    /// The same with images among the buffers.
    ///
    /// # Errors
    /// As [`Pipeline::of`].
    pub fn with_resources(
        device: &Device,
        program: &Program,
        resources: &[Resource<'_>],
        workgroups: [u32; 3],
    ) -> Result<Pipeline, Error> {
        device.dispatches(program.file, workgroups)?;
        let entries: Vec<wgpu::BindGroupEntry> = (0..)
            .zip(resources)
            .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource: resource.binding() })
            .collect();
        let bindings = device.handle.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(program.file),
            layout: &program.pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        device.check(&format!("binding the memory of {}", program.file))?;
        Ok(Pipeline { program: program.clone(), bindings, workgroups, immediates: Vec::new() })
    }

    /// The same, with words for its `var<immediate>`: parameters that travel in the command stream.
    #[must_use]
    pub fn with_immediates(self, immediates: &[u32]) -> Pipeline {
        Pipeline { immediates: immediates.to_vec(), ..self }
    }

    /// The name of its WGSL file.
    pub fn file(&self) -> &'static str {
        self.program.file
    }

    pub(super) fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, workgroups: [u32; 3], immediates: &[u32]) {
        let [x, y, z] = workgroups;
        pass.set_pipeline(&self.program.pipeline);
        pass.set_bind_group(0, &self.bindings, &[]);
        if !immediates.is_empty() {
            pass.set_immediates(0, bytemuck::cast_slice(immediates));
        }
        pass.dispatch_workgroups(x, y, z);
    }
}
