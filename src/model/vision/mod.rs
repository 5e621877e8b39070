//! Vision transformers: an image to the logits of its classes.
//!
//! There are no weights of such a network in the store: the shape is a published one, and what runs is drawn from a seed.
//! It computes as much as trained weights would, its answers mean nothing, and it is called SYNTHETIC everywhere. A
//! [`Checkpoint`] is drawn; a [`Vision`] runs it on candle in f32, which is also the reference for the same network on
//! the kernels of this program.
//!
//! | file | holds |
//! |---|---|
//! | `shape` `weights` | from a profile and a seed to plain f32 |
//! | `patches` | images cut into patches |
//! | `network` | the network on candle, of the layers of the encoder |
//! | `count` | FLOP and bytes |

mod count;
mod network;
mod patches;
mod shape;
mod weights;

pub use count::Counts;
pub use patches::{count_images, patches};
pub use shape::Shape;
pub use weights::Weights;

use super::{Device, ModelChoice, ModelError, Profile, ProfileError, Provenance};
use network::Vit;

/// The name of this architecture in profiles.
pub(super) const ARCHITECTURE: &str = "vit";

/// Images that run at once on candle: bounds the memory of many images.
pub const BATCH: usize = 8;

/// Shape and weights of a network, before it is put on a device.
#[derive(Debug)]
pub struct Checkpoint {
    /// The profile.
    pub name: String,
    /// Synthetic, and from which seed.
    pub provenance: Provenance,
    /// The shape.
    pub shape: Shape,
    /// The weights.
    pub weights: Weights,
}

impl Checkpoint {
    /// Draws the weights of a profile's shape.
    ///
    /// # Errors
    /// Anything but `synthetic:NAME` is refused: no file of such a network can be read here.
    pub fn open(choice: &ModelChoice) -> Result<Self, ModelError> {
        match choice {
            ModelChoice::Synthetic { name, seed } => Self::from_seed(name, Profile::named(name)?.vit()?, *seed),
            ModelChoice::Registered(_) | ModelChoice::File(_) => Err(ProfileError::Range {
                file: "model choice".to_owned(),
                key: choice.to_string(),
                found: "weights out of a file".to_owned(),
                allowed: "synthetic:NAME, a published shape with seeded weights".to_owned(),
            }
            .into()),
        }
    }

    /// Weights of any shape from a seed; `name` is only for the description.
    ///
    /// # Errors
    /// The shape makes no sense.
    pub fn from_seed(name: &str, shape: Shape, seed: u64) -> Result<Self, ModelError> {
        ProfileError::check(name, shape.fault())?;
        let (provenance, weights) = (Provenance::Synthetic { seed }, Weights::seeded(&shape, seed)?);
        Ok(Self { name: name.to_owned(), provenance, shape, weights })
    }
}

/// A vision transformer on candle.
#[derive(Debug)]
pub struct Vision {
    network: Vit,
    shape: Shape,
}

impl Vision {
    /// Puts a checkpoint on a device.
    ///
    /// # Errors
    /// candle has no room for it.
    pub fn new(checkpoint: Checkpoint, device: &Device) -> Result<Self, ModelError> {
        let Checkpoint { shape, weights, .. } = checkpoint;
        Ok(Self { network: Vit::new(shape, weights, &device.candle)?, shape })
    }

    /// The logits of each image, [`Shape::classes`] to an image; images are `[images, C, S, S]`, one after the other, with
    /// pixels around -1 to 1.
    ///
    /// # Errors
    /// No whole images.
    pub fn classify(&self, images: &[f32]) -> Result<Vec<f32>, ModelError> {
        let shape = &self.shape;
        count_images(shape, images)?;
        let mut logits = Vec::new();
        for some in images.chunks(BATCH * shape.pixels()) {
            let found = self.network.forward(patches(shape, some)?, some.len() / shape.pixels())?;
            logits.extend(found.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(logits)
    }
}
