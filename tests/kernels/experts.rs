//! Shapes of the kernels of a mixture of experts, each of them on an adapter against its twin, and their counts.

use crate::adapter::{agree, agree_elsewhere, agree_on};
use crate::shapes::{boxed, random};
use crate::{SEED, device};
use dawndusk::gpu::{Class, Facts};
use dawndusk::kernel::{Direction, Format, Kernel, MatmulExperts, Plan, Prepared, TopK, Unit};
use std::sync::Arc;

/// Rows, words of a row, words that are taken.
fn choices() -> Vec<Arc<dyn Kernel>> {
    let edges = [[1, 1, 1], [3, 8, 2], [32, 64, 64], [33, 7, 7], [100, 5, 3]];
    let drawn: Vec<[u32; 3]> = random(20, 64);
    let all = edges.into_iter().chain(drawn.into_iter().map(|[rows, columns, k]| [rows, columns, 1 + k % columns]));
    all.map(|[rows, columns, slots]| boxed(TopK::new(rows, columns, slots).expect("a fair shape"))).collect()
}

fn product(sizes: [u32; 3], matrix: [u32; 2], format: Format, direction: Direction) -> MatmulExperts {
    MatmulExperts::new(sizes, matrix, format, direction).expect("a fair shape")
}

/// Products in every format, both ways, over sizes around those of groups and blocks and over odd ones.
fn products() -> Vec<Arc<dyn Kernel>> {
    let sizes = [
        ([1, 1, 1], [4, 1]),
        ([1, 2, 8], [64, 64]),
        ([5, 3, 4], [36, 65]),
        ([2, 4, 4], [132, 33]),
        ([9, 2, 3], [100, 96]),
    ];
    let drawn: Vec<[u32; 4]> = random(21, 40);
    let drawn = drawn.into_iter().map(|[tokens, slots, rows, columns]| {
        let slots = 1 + slots % 4;
        ([1 + tokens % 7, slots, slots + tokens % 5], [4 * rows, 3 * columns])
    });
    let formats = Format::ALL.into_iter().cycle();
    let mut all = Vec::new();
    for ((sizes, matrix), format) in sizes.into_iter().chain(drawn).zip(formats) {
        all.extend([Direction::Up, Direction::Down].map(|direction| boxed(product(sizes, matrix, format, direction))));
    }
    // Down has rows that are no multiple of 4 too.
    all.push(boxed(product([3, 2, 5], [37, 40], Format::Q8, Direction::Down)));
    all
}

/// All of them.
pub(crate) fn kernels() -> Vec<Arc<dyn Kernel>> {
    [choices(), products()].concat()
}

#[test]
fn top_k_chooses_and_weighs_as_its_twin() {
    agree(choices());
}

#[test]
fn products_with_experts_agree_with_their_twin() {
    agree(products());
}

#[test]
fn products_with_experts_that_lanes_share_agree_with_their_twin() {
    agree_elsewhere(products(), |facts| facts.class = Class::Hardware);
    // Groups in more than one row of workgroups, the last of them in part.
    let wide = product([2, 2, 3], [224, 40], Format::Q4, Direction::Up);
    agree_elsewhere(vec![boxed(wide)], |facts| facts.limits.workgroups_per_dimension = 5);
}

#[test]
fn kernels_of_experts_stay_inside_their_buffers_where_bounds_are_checked() {
    let Some(device) = device() else { return };
    let checked = device.clone().checked();
    agree_on(Some(&checked), [&choices()[..2], &products()[..6]].concat());
}

/// A kernel with operands of a test's own.
#[derive(Debug)]
struct Given {
    kernel: TopK,
    words: Vec<f32>,
}

impl Kernel for Given {
    fn name(&self) -> &'static str {
        self.kernel.name()
    }

    fn shape(&self) -> String {
        self.kernel.shape()
    }

    fn unit(&self) -> Unit {
        self.kernel.unit()
    }

    fn flop(&self) -> u64 {
        self.kernel.flop()
    }

    fn bytes(&self) -> u64 {
        self.kernel.bytes()
    }

    fn inputs(&self, _seed: u64) -> Vec<Vec<f32>> {
        vec![self.words.clone()]
    }

    fn output_len(&self) -> usize {
        self.kernel.output_len()
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        self.kernel.twin(inputs, output);
    }

    fn plan(&self, facts: &Facts) -> Plan {
        self.kernel.plan(facts)
    }
}

/// What the twin, and the adapter if there is one, choose out of rows of three words, two of each.
fn two_of_three(words: &[f32]) -> Vec<Vec<f32>> {
    let kernel = TopK::new(words.len() as u32 / 3, 3, 2).expect("a fair shape");
    let places = [None].into_iter().chain(device().map(Some));
    let result = |place| {
        let given = Arc::new(Given { kernel, words: words.to_vec() });
        Prepared::new(given, place, SEED).expect("it fits").result().expect("it runs")
    };
    places.map(result).collect()
}

#[test]
fn equal_words_go_by_their_number() {
    for chosen in two_of_three(&[2.0, 2.0, 2.0, -1.0, 3.0, 3.0]) {
        assert_eq!(chosen, [0.0, 0.5, 1.0, 0.5, 1.0, 0.5, 2.0, 0.5], "the first of equals, and half each");
    }
}

#[test]
fn words_that_are_nan_are_passed_over() {
    let nan = f32::NAN;
    for chosen in two_of_three(&[nan, 1.0, 1.0, 5.0, nan, nan, nan, nan, nan]) {
        assert_eq!(chosen[..4], [1.0, 0.5, 2.0, 0.5], "two are left");
        assert_eq!(chosen[4..8], [0.0, 1.0, 0.0, 0.0], "one is left, and has all the weight");
        assert_eq!(chosen[8..], [0.0; 4], "none is left");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let experts = |sizes, matrix| MatmulExperts::new(sizes, matrix, Format::Q4, Direction::Up).err();
    let refused = [
        TopK::new(1, 65, 2).err(),
        TopK::new(1, 3, 4).err(),
        TopK::new(0, 3, 1).err(),
        experts([1, 3, 2], [64, 64]),
        experts([1, 2, 8], [66, 64]),
        experts([1, 0, 8], [64, 64]),
    ];
    for error in refused {
        assert!(error.is_some_and(|error| !error.to_string().contains('\n')), "refused in one line");
    }
}

#[test]
fn experts_that_nobody_chose_count_for_nothing() {
    // Two of eight experts, each of 64 rows and two blocks of 36 bytes; x, two pairs, two rows of 32 words.
    let up = product([1, 2, 8], [64, 64], Format::Q8, Direction::Up);
    assert_eq!(up.bytes(), 2 * 64 * 2 * 36 + 4 * (64 + 4 + 2 * 32), "bytes of one token, up");
    assert_eq!(up.flop(), 2 * 2 * 64 * 64, "two experts");
    // Nine tokens choose all three: 40 rows of one block; two rows of x for each token, pairs, residual, y.
    let down = product([9, 2, 3], [40, 32], Format::Q8, Direction::Down);
    assert_eq!(down.bytes(), 3 * 40 * 36 + 4 * 9 * (2 * 32 + 4 + 40 + 40), "bytes of nine tokens, down");
    assert_eq!(down.flop(), 2 * 9 * 2 * 40 * 32, "two experts of each");
    let choice = TopK::new(3, 8, 2).expect("a fair shape");
    assert_eq!((choice.flop(), choice.bytes()), (3 * 2 * (8 + 4), 4 * 3 * (8 + 4)), "three rows of eight");
}
