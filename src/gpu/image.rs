//! Memory that programs read as an image of four words to a texel.
//!
//! Some renderers on the CPU read an image faster than a buffer. lavapipe (Mesa 22.3) takes each lane of a load from
//! a buffer on its own, under a mask and a check of bounds; the same load from a storage texture is eight vector loads
//! and a transpose, 3.6 times as fast. SwiftShader fetches from a sampled texture in vectors, 1.2 times as fast.
//!
//! Texel `i` of a vector lies at `vec2(i % IMAGE_WIDTH, i / IMAGE_WIDTH)`.

use super::{Buffer, Device, Error};
use bytemuck::Pod;

/// Texels in a line of every image; kernels name the same number.
pub const IMAGE_WIDTH: u32 = 4096;

/// Words in a texel.
const WORDS: usize = 4;

/// A word that images hold.
pub trait Texel: Pod + sealed::Format {}

impl Texel for f32 {}
impl Texel for u32 {}

mod sealed {
    /// How a texel of four such words is called.
    pub trait Format {
        const FORMAT: wgpu::TextureFormat;
    }

    impl Format for f32 {
        const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba32Float;
    }

    impl Format for u32 {
        const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba32Uint;
    }
}

/// Words that programs read as `texture_storage_2d<rgba32float, read>` or `texture_2d<f32>`; integers as `rgba32uint`
/// or `texture_2d<u32>`.
#[derive(Debug)]
pub struct Image {
    view: wgpu::TextureView,
}

/// What can be bound to a program.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// An array, to read or to write.
    Buffer(&'a Buffer),
    /// An image, to read.
    Image(&'a Image),
}

/// Memory of either kind, owned.
#[derive(Debug)]
pub enum Held {
    /// An array.
    Buffer(Buffer),
    /// An image.
    Image(Image),
}

impl Held {
    /// To be bound.
    pub fn resource(&self) -> Resource<'_> {
        match self {
            Held::Buffer(buffer) => Resource::Buffer(buffer),
            Held::Image(image) => Resource::Image(image),
        }
    }
}

impl Resource<'_> {
    pub(super) fn binding(&self) -> wgpu::BindingResource<'_> {
        match self {
            Resource::Buffer(buffer) => buffer.handle.as_entire_binding(),
            Resource::Image(image) => wgpu::BindingResource::TextureView(&image.view),
        }
    }
}

impl Device {
    /// An image that holds `words`, with zeros after them up to the end of its last line.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more lines than the adapter's images have, [`Error::Refused`] where its memory is full.
    pub fn image<T: Texel>(&self, name: &str, words: &[T]) -> Result<Image, Error> {
        let texels = words.len().div_ceil(WORDS) as u64;
        let lines = self.lines(&format!("the image `{name}`"), texels)?;
        let doing = format!("making the image `{name}` of {lines} lines");
        let size = wgpu::Extent3d { width: IMAGE_WIDTH, height: lines, depth_or_array_layers: 1 };
        let texture = self.handle.create_texture(&wgpu::TextureDescriptor {
            label: Some(name),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: T::FORMAT,
            usage: wgpu::TextureUsages::STORAGE_BINDING
                | wgpu::TextureUsages::TEXTURE_BINDING
                | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        self.check(&doing)?;
        let line_words = IMAGE_WIDTH as usize * WORDS;
        let mut whole = words.to_vec();
        whole.resize(lines as usize * line_words, T::zeroed());
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some((line_words * size_of::<T>()) as u32),
            rows_per_image: None,
        };
        self.queue.write_texture(texture.as_image_copy(), bytemuck::cast_slice(&whole), layout, size);
        self.check(&doing)?;
        Ok(Image { view: texture.create_view(&wgpu::TextureViewDescriptor::default()) })
    }

    /// The lines of an image of so many texels.
    ///
    /// # Errors
    /// [`Error::TooLarge`] on behalf of `what`.
    pub fn lines(&self, what: &str, texels: u64) -> Result<u32, Error> {
        let lines = texels.div_ceil(IMAGE_WIDTH.into()).max(1);
        let side = self.handle.limits().max_texture_dimension_2d;
        let needed = lines.max(IMAGE_WIDTH.into());
        self.fits(what, "texels along a side of an image", needed, side.into(), "maxTextureDimension2D")?;
        // A side is 32 bits.
        Ok(lines as u32)
    }
}
