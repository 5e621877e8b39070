//! FLOP and bytes of small shapes, counted one by one.

use crate::shapes;
use dawndusk::kernel::{
    Activation, Attention, AttentionFull, Conv2d, Copy, Fma, Gemm, Gemv, Kernel, LayerNorm, Linear, Loads, MeanPool,
    Octets, RmsNorm, Softmax, Tiling, Unit,
};

/// Words of all operands and of the result, as they are made, without what a kernel reads twice.
fn words(kernel: &dyn Kernel) -> u64 {
    let inputs: usize = kernel.inputs(0).iter().map(Vec::len).sum();
    (inputs + kernel.output_len()) as u64
}

#[test]
fn bytes_are_those_of_every_operand_once() {
    let kernels: [&dyn Kernel; 11] = [
        &Copy::new(37).expect("a shape"),
        &Fma::new(5, 64).expect("a shape"),
        &Gemm::new(3, 5, 7, Tiling::Quad).expect("a shape"),
        &Gemv::new(3, 5).expect("a shape"),
        &RmsNorm::new(3, 5).expect("a shape"),
        &Softmax::new(3, 5).expect("a shape"),
        &Attention::new(7, 4, 2, 5).expect("a shape"),
        &LayerNorm::new(6, 5, 3, 1e-5).expect("a shape"),
        &Linear::new([3, 5, 7], Activation::Gelu, Octets::Apart).expect("a shape"),
        &AttentionFull::new([3, 7, 2, 5], Octets::Shared).expect("a shape"),
        &MeanPool::new(3, 7, 5).expect("a shape"),
    ];
    for kernel in kernels {
        assert_eq!(kernel.bytes(), 4 * words(kernel), "{} {}", kernel.name(), kernel.shape());
    }
}

#[test]
fn an_operand_in_f16_has_half_the_bytes() {
    let bytes = |tiling| Gemm::new(3, 5, 7, tiling).expect("a shape").bytes();
    for tiling in [Tiling::Half, Tiling::Cooperative] {
        let saved = bytes(Tiling::Workgroup) - bytes(tiling);
        assert_eq!(saved, 2 * (3 * 7 + 7 * 5), "{tiling:?}: A and B are halved, C is not");
    }
}

#[test]
fn flop_are_counted_as_the_formula_has_them() {
    let gemm = Gemm::new(3, 5, 7, Tiling::Quad).expect("a shape");
    assert_eq!(gemm.flop(), 3 * 5 * 7 * 2, "a product and a sum for each of m n k");
    assert_eq!(Gemv::new(3, 5).expect("a shape").flop(), 3 * 5 * 2, "a product and a sum for each word of A");
    assert_eq!(Fma::new(5, 64).expect("a shape").flop(), 5 * 12 * 64 * 2, "12 chains to an invocation");
    assert_eq!(Copy::new(37).expect("a shape").flop(), 0, "nothing is computed");
    let per_row = 5 + 5 + 2 + 1 + 1 + 2 * 5;
    assert_eq!(RmsNorm::new(3, 5).expect("a shape").flop(), 3 * per_row, "squares, sums, mean and root, two factors");
    let per_row = 5 + 5 + 5 + 5 + 1 + 5;
    assert_eq!(Softmax::new(3, 5).expect("a shape").flop(), 3 * per_row, "maximum, difference, exp, sum, factor");
}

#[test]
fn attention_counts_only_the_pairs_that_causality_leaves() {
    let (tokens, heads, head) = (7, 4, 5);
    let mut flop = 0;
    for query in 0..tokens {
        for key in 0..tokens {
            if key <= query {
                flop += heads * 2 * 2 * head;
            }
        }
    }
    let attention = Attention::new(7, 4, 2, 5).expect("a shape");
    assert_eq!(attention.flop(), flop, "two products of 2 FLOP a word");
}

#[test]
fn work_is_counted_in_what_a_kernel_runs_out_of() {
    let gemm = Gemm::new(3, 5, 7, Tiling::Workgroup).expect("a shape");
    assert_eq!((gemm.unit(), gemm.work()), (Unit::Flop, gemm.flop()), "arithmetic");
    let gemv = Gemv::new(3, 5).expect("a shape");
    assert_eq!((gemv.unit(), gemv.work()), (Unit::Byte, gemv.bytes()), "memory");
}

#[test]
fn convolutions_count_every_place_of_the_window_at_every_position() {
    for sizes in shapes::convolutions() {
        let conv2d = Conv2d::new(sizes, Loads::Uniform).expect("a fair shape");
        let mut flop = 0;
        let out = |size, window| {
            (0..size + 2 * sizes.padding)
                .step_by(sizes.stride as usize)
                .filter(move |first| first + window <= size + 2 * sizes.padding)
                .count() as u64
        };
        let positions = out(sizes.height, sizes.window[0]) * out(sizes.width, sizes.window[1]);
        for _filter in 0..sizes.filters {
            let terms = u64::from(sizes.window[0] * sizes.window[1] * sizes.channels);
            flop += u64::from(sizes.batch) * positions * (terms + terms + u64::from(sizes.relu));
        }
        assert_eq!(conv2d.flop(), flop, "{}: products, sums, comparisons", conv2d.shape());
        assert_eq!(conv2d.bytes(), 4 * words(&conv2d), "{}: every operand once", conv2d.shape());
    }
}

#[test]
fn the_kernels_of_an_encoder_count_what_their_formulas_have() {
    let per_row = 8 * 5 + 2 + 1 + 1 + 1;
    assert_eq!(LayerNorm::new(6, 5, 3, 1e-5).expect("a shape").flop(), 6 * per_row, "eight a word, five a row");
    assert_eq!(
        Linear::new([3, 5, 7], Activation::None, Octets::Shared).expect("a shape").flop(),
        2 * 3 * 5 * 7,
        "the product"
    );
    assert_eq!(
        AttentionFull::new([3, 7, 2, 5], Octets::Shared).expect("a shape").flop(),
        3 * 2 * 7 * 7 * 5 * 4,
        "every pair"
    );
    assert_eq!(MeanPool::new(3, 7, 5).expect("a shape").flop(), 3 * (5 * (7 + 4) + 2), "sums, mean, norm");
}
