// attention_merge: the parts that attention_decode leaves, added up: each weighed by exp(its maximum - the largest).
//
// Dispatch: one invocation for each vector of 4 of a query head, workgroups of 64 along x, one query head along y.
// Twin: src/kernel/attention_merge.rs. Tolerance: 1e-5 by norm.

// Size of a head, in vectors of 4.
override HEAD_4: u32;
// Parts of a query head.
override SPLITS: u32;

// Query heads x SPLITS x head: sums of weighted values.
@group(0) @binding(0) var<storage, read> sums: array<vec4<f32>>;
// Query heads x SPLITS: largest score and sum of weights.
@group(0) @binding(1) var<storage, read> part: array<vec2<f32>>;
// Query heads x head.
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let d = invocation.x;
    let query = invocation.y;
    if d >= HEAD_4 {
        return;
    }
    var top = part[query * SPLITS].x;
    for (var n = 1u; n < SPLITS; n++) {
        top = max(top, part[query * SPLITS + n].x);
    }
    var weight = 0.0;
    var result = vec4<f32>();
    for (var n = 0u; n < SPLITS; n++) {
        let i = query * SPLITS + n;
        let share = exp(part[i].x - top);
        weight += share * part[i].y;
        result = fma(vec4(share), sums[i * HEAD_4 + d], result);
    }
    out[query * HEAD_4 + d] = result / weight;
}
