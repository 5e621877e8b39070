//! Shapes of an encoder's kernels, and each of them on an adapter against its twin.

use crate::adapter::{agree, agree_elsewhere, agree_on};
use crate::device;
use crate::shapes::{boxed, random, shapes};
use dawndusk::gpu::Class;
use dawndusk::kernel::{self, Activation, AttentionFull, Kernel, LayerNorm, Linear, MeanPool, Octets, Size};
use std::sync::Arc;

/// Rows, columns, rows of the residual.
pub(crate) fn norms() -> Vec<[u32; 3]> {
    let edges = [[1, 1, 1], [1, 513, 1], [77, 3, 7], [32, 256, 32], [33, 257, 11], [40, 384, 8]];
    let drawn: Vec<[u32; 3]> = random(16, 90);
    edges.into_iter().chain(drawn.into_iter().map(|[r, c, p]| [r, 5 * c, 1 + p % r])).collect()
}

fn layer_norms() -> Vec<Arc<dyn Kernel>> {
    norms().iter().map(|&[r, c, p]| boxed(LayerNorm::new(r, c, p, 1e-5).expect("a fair shape"))).collect()
}

/// Rows, inputs, outputs, of each activation in turn.
pub(crate) fn layers() -> Vec<([u32; 3], Activation)> {
    let sizes = shapes(17, 150, &[[1, 1, 1], [1, 130, 7], [129, 1, 5], [64, 16, 64], [65, 33, 68], [40, 384, 24]]);
    sizes.into_iter().zip([Activation::None, Activation::Gelu].into_iter().cycle()).collect()
}

/// How lanes may load on the adapter at hand: alone on any, in octets where their subgroups are large enough.
pub(crate) fn octets() -> Vec<Octets> {
    match Octets::of(device().map(|device| device.facts())) {
        Octets::Apart if device().is_some() => vec![Octets::Apart],
        _ => vec![Octets::Apart, Octets::Shared],
    }
}

fn linears(octets: Vec<Octets>) -> Vec<Arc<dyn Kernel>> {
    let linear = |octets, (shape, activation)| boxed(Linear::new(shape, activation, octets).expect("a fair shape"));
    octets.into_iter().flat_map(|octets| layers().into_iter().map(move |layer| linear(octets, layer))).collect()
}

/// Sentences, tokens, columns.
pub(crate) fn sentences() -> Vec<[u32; 3]> {
    shapes(18, 60, &[[1, 1, 1], [3, 32, 24], [9, 7, 33], [2, 128, 384]])
}

fn mean_pools() -> Vec<Arc<dyn Kernel>> {
    sentences().iter().map(|&[s, t, c]| boxed(MeanPool::new(s, t, c).expect("a fair shape"))).collect()
}

/// Sentences, tokens, heads, words in a head.
pub(crate) fn texts() -> Vec<[u32; 4]> {
    let edges = [[1, 1, 1, 1], [3, 32, 2, 32], [2, 33, 3, 5], [5, 40, 2, 8], [1, 100, 2, 68]];
    let drawn: Vec<[u32; 4]> = random(19, 40);
    edges.into_iter().chain(drawn.into_iter().map(|[s, t, h, d]| [1 + s % 4, t, 1 + h % 3, d])).collect()
}

fn full_attentions(octets: Vec<Octets>) -> Vec<Arc<dyn Kernel>> {
    let attention = |octets, shape| boxed(AttentionFull::new(shape, octets).expect("a fair shape"));
    octets.into_iter().flat_map(|octets| texts().into_iter().map(move |shape| attention(octets, shape))).collect()
}

/// All of them, with lanes that load in these ways.
pub(crate) fn kernels(octets: Vec<Octets>) -> Vec<Arc<dyn Kernel>> {
    [layer_norms(), linears(octets.clone()), full_attentions(octets), mean_pools()].concat()
}

#[test]
fn layer_norm_agrees_with_its_twin() {
    agree(layer_norms());
    agree_elsewhere(layer_norms(), |facts| facts.class = Class::Hardware);
    agree_elsewhere(layer_norms(), |facts| facts.limits.workgroups_per_dimension = 3);
    agree_elsewhere(layer_norms(), |facts| {
        facts.class = Class::Software;
        facts.subgroup_size_min = 4;
    });
}

#[test]
fn linear_agrees_with_its_twin() {
    agree(linears(octets()));
}

#[test]
fn attention_of_whole_sentences_agrees_with_its_twin() {
    agree(full_attentions(octets()));
}

#[test]
fn mean_pool_agrees_with_its_twin() {
    agree(mean_pools());
    agree_elsewhere(mean_pools(), |facts| facts.class = Class::Hardware);
}

#[test]
fn standard_shapes_of_an_encoder_agree_with_their_twins() {
    let size = Size::of(device().map(|device| device.facts()));
    let linear = octets().into_iter().map(|octets| boxed(Linear::standard(size, octets)));
    let attention = octets().into_iter().map(|octets| boxed(AttentionFull::standard(size, octets)));
    let names = ["layer_norm", "mean_pool"];
    let rest = names.map(|name| kernel::named(name, size, None).expect("a name that is listed"));
    agree(linear.chain(attention).chain(rest).collect());
}

#[test]
fn the_kernels_of_an_encoder_stay_inside_their_buffers_where_bounds_are_checked() {
    let Some(device) = device() else { return };
    agree_on(Some(&device.clone().checked()), kernels(octets()));
}
