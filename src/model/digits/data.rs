//! The labelled images that come with this program: the test set, in the format of the MNIST files.
//!
//! An IDX file is a magic number (0, 0, 8 for bytes, the number of dimensions), each size as a big-endian u32, then the
//! bytes (Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits"). Two of them are in one zip
//! archive, because three quarters of an image are background.

use super::layers::SIDE;
use crate::model::ModelError;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// The archive.
const EMBEDDED: &[u8] = include_bytes!("../../../profiles/models/digits/test.zip");

/// Most bytes that a member of the archive may have: that of 70,000 images, as many as there are.
const MEMBER_MAX: u64 = 70_000 * 28 * 28 + 16;

/// Images and what they show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSet {
    /// 28 x 28 bytes for each image, by rows; 0 is background.
    pub images: Vec<u8>,
    /// 0 to 9, one for each image.
    pub labels: Vec<u8>,
}

/// The 1000 labelled images that come with this program; none of them was trained on.
///
/// # Errors
/// [`ModelError::Digits`] where the archive or one of its members is not what it should be.
pub fn test_set() -> Result<TestSet, ModelError> {
    read(EMBEDDED)
}

/// A test set from the bytes of a zip archive with the members `images.idx3-ubyte` and `labels.idx1-ubyte`.
fn read(archive: &[u8]) -> Result<TestSet, ModelError> {
    let (sizes, images) = member(archive, "images.idx3-ubyte")?;
    let fault = |reason: String| ModelError::Digits { what: "test set".to_owned(), reason };
    if sizes.len() != 3 || sizes[1..] != [SIDE; 2] {
        return Err(fault(format!("images of sizes {sizes:?}; allowed: [count, {SIDE}, {SIDE}]")));
    }
    let (label_sizes, labels) = member(archive, "labels.idx1-ubyte")?;
    if label_sizes != sizes[..1] {
        return Err(fault(format!("labels of sizes {label_sizes:?} for {} images", sizes[0])));
    }
    if let Some(label) = labels.iter().find(|&&label| label > 9) {
        return Err(fault(format!("a label {label}; allowed: 0 to 9")));
    }
    Ok(TestSet { images, labels })
}

/// Sizes and bytes of one IDX file in the archive.
fn member(archive: &[u8], name: &str) -> Result<(Vec<u32>, Vec<u8>), ModelError> {
    let fault = |reason: String| ModelError::Digits { what: format!("test set: `{name}`"), reason };
    let mut archive = ZipArchive::new(Cursor::new(archive)).map_err(|error| fault(error.to_string()))?;
    let file = archive.by_name(name).map_err(|error| fault(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MEMBER_MAX).read_to_end(&mut bytes).map_err(|error| fault(error.to_string()))?;
    let [0, 0, 8, dimensions, rest @ ..] = bytes.as_slice() else {
        return Err(fault("is no IDX file of bytes".to_owned()));
    };
    let Some((head, body)) = rest.split_at_checked(4 * usize::from(*dimensions)) else {
        return Err(fault("ends inside its sizes".to_owned()));
    };
    let sizes: Vec<u32> = head.as_chunks().0.iter().map(|&size| u32::from_be_bytes(size)).collect();
    let wanted = sizes.iter().try_fold(1usize, |count, &size| count.checked_mul(size as usize));
    if wanted != Some(body.len()) {
        return Err(fault(format!("holds {} bytes for the sizes {sizes:?}", body.len())));
    }
    Ok((sizes, body.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::write::{SimpleFileOptions, ZipWriter};

    fn archive(images: &[u8], labels: &[u8]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in [("images.idx3-ubyte", images), ("labels.idx1-ubyte", labels)] {
            writer.start_file(name, SimpleFileOptions::default()).expect("a member");
            writer.write_all(bytes).expect("its bytes");
        }
        writer.finish().expect("an archive").into_inner()
    }

    fn images(count: u8) -> Vec<u8> {
        let head = [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28];
        head.into_iter().chain(std::iter::repeat_n(7, usize::from(count) * 784)).collect()
    }

    #[test]
    fn images_and_labels_are_read_as_they_were_written() {
        let set = read(&archive(&images(2), &[0, 0, 8, 1, 0, 0, 0, 2, 9, 0])).expect("it is whole");
        assert_eq!((set.images, set.labels), (vec![7; 2 * 784], vec![9, 0]), "two images, two labels");
    }

    #[test]
    fn an_archive_that_is_not_whole_is_refused_with_the_reason() {
        let labels = [0, 0, 8, 1, 0, 0, 0, 1, 3];
        let cases: [(Vec<u8>, &[u8], &str); 6] = [
            (images(1), &[0, 0, 8, 1, 0, 0, 0, 1, 10], "a label 10"),
            (images(2), &labels, "for 2 images"),
            (images(1)[..799].to_vec(), &labels, "holds 783 bytes"),
            (images(1)[..9].to_vec(), &labels, "ends inside its sizes"),
            (vec![0, 0, 9, 3], &labels, "no IDX file"),
            (labels.to_vec(), &labels, "images of sizes [1]"),
        ];
        for (images, labels, part) in cases {
            let message = read(&archive(&images, labels)).expect_err("it is not whole").to_string();
            assert!(message.contains(part), "{message:?} says {part:?}");
        }
        assert!(read(b"no archive").is_err(), "bytes that are no archive");
    }
}
