// mean_pool: y = m / |m| with m the mean of x over the tokens of a sentence: its embedding, of length 1.
//
// A sentence has TOKENS rows of x, of which the first lengths[s] count.
//
// Dispatch: one workgroup of LANES invocations for each sentence.
// Twin: src/kernel/mean_pool.rs. Tolerance: 1e-5 by norm.

// Invocations that share a sentence, a power of two.
override LANES: u32;
// Rows of x for each sentence.
override TOKENS: u32;
// Padded columns in vectors of 4.
override COLUMNS_4: u32;

// sentences x TOKENS x columns, padded with zeros to 4 columns.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// Tokens of each sentence, a whole number from 1 to TOKENS.
@group(0) @binding(1) var<storage, read> lengths: array<f32>;
// sentences x columns, padded alike.
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

// One partial sum of squares from each invocation.
var<workgroup> sh_sum: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let sentence = workgroup.x;
    let length = clamp(u32(lengths[sentence]), 1u, TOKENS);
    var sum = 0.0;
    for (var j = lane; j < COLUMNS_4; j += LANES) {
        var mean = vec4<f32>();
        var i = sentence * TOKENS * COLUMNS_4 + j;
        for (var t = 0u; t < length; t++) {
            mean += x[i];
            i += COLUMNS_4;
        }
        mean /= f32(length);
        y[sentence * COLUMNS_4 + j] = mean;
        sum += dot(mean, mean);
    }
    // Neighbours at doubling distances, so that every invocation ends with the whole sum.
    for (var distance = 1u; distance < LANES; distance *= 2u) {
        sh_sum[lane] = sum;
        workgroupBarrier();
        sum += sh_sum[lane ^ distance];
        workgroupBarrier();
    }
    let scale = 1.0 / sqrt(sum);
    // Each invocation sees the words that it has written itself.
    for (var j = lane; j < COLUMNS_4; j += LANES) {
        y[sentence * COLUMNS_4 + j] *= scale;
    }
}
