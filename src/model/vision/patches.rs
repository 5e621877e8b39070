//! Images cut into patches, on the host: a copy of each pixel to its place, and nothing computed.

use super::shape::Shape;
use crate::model::ModelError;
use rayon::prelude::*;

/// How many images these pixels are.
///
/// # Errors
/// [`ModelError::Pixels`] for none, or for a part of one.
pub fn count_images(shape: &Shape, images: &[f32]) -> Result<usize, ModelError> {
    match images.len() / shape.pixels() {
        0 => Err(ModelError::Pixels { found: images.len(), image: shape.pixels() }),
        _ if !images.len().is_multiple_of(shape.pixels()) => {
            Err(ModelError::Pixels { found: images.len(), image: shape.pixels() })
        }
        count => Ok(count),
    }
}

/// From `[images, C, S, S]` to `[images, 1 + (S/P)^2, C P^2]`: for each image a row of zeros in the place of the class
/// token, then its patches by rows; a patch is the rows of its first channel, then those of the next.
///
/// # Errors
/// As [`count_images`].
pub fn patches(shape: &Shape, images: &[f32]) -> Result<Vec<f32>, ModelError> {
    let Shape { image: side, patch, .. } = *shape;
    let (row, columns) = (shape.patch_pixels(), side / patch);
    let mut all = vec![0.0; count_images(shape, images)? * shape.tokens() * row];
    let each = all.par_chunks_exact_mut(shape.tokens() * row).zip(images.par_chunks_exact(shape.pixels()));
    each.for_each(|(rows, image)| {
        for (index, row) in rows.chunks_exact_mut(row).skip(1).enumerate() {
            let (top, left) = (index / columns * patch, index % columns * patch);
            for (line, pixels) in row.chunks_exact_mut(patch).enumerate() {
                let (channel, down) = (line / patch, line % patch);
                pixels.copy_from_slice(&image[(channel * side + top + down) * side + left..][..patch]);
            }
        }
    });
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_a_square_of_each_channel_after_a_row_for_the_class_token() {
        let shape = Shape {
            image: 4,
            channels: 2,
            patch: 2,
            layers: 1,
            hidden: 4,
            heads: 1,
            feed_forward: 4,
            classes: 2,
            norm_epsilon: 1e-6,
        };
        let image: Vec<f32> = (1..=32_u8).map(f32::from).collect();
        let found = patches(&shape, &image).expect("one image");
        let rows: Vec<&[f32]> = found.chunks_exact(8).collect();
        assert_eq!(rows[0], [0.0; 8], "the place of the class token");
        assert_eq!(rows[1], [1.0, 2.0, 5.0, 6.0, 17.0, 18.0, 21.0, 22.0], "the upper left, both channels");
        assert_eq!(rows[2], [3.0, 4.0, 7.0, 8.0, 19.0, 20.0, 23.0, 24.0], "to the right of it");
        assert_eq!(rows[3], [9.0, 10.0, 13.0, 14.0, 25.0, 26.0, 29.0, 30.0], "below it");
        assert_eq!(rows.len(), 5, "four patches");
        let message = patches(&shape, &image[1..]).expect_err("a part of an image").to_string();
        assert!(message.contains("31 pixels; allowed: whole images of 32"), "{message}");
    }
}
