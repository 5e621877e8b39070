// conv2d_quad: y[p, f] = max(floor, bias[f] + sum over r, s, c of x[pixel r, s of window p, c] w[r, s, c, f])
//
// The same as conv2d_uniform, for adapters that are CPUs and have subgroups: there each lane of a load is done on its own, even
// where all of them read the same word. All lanes of a workgroup work on the same 16 filters, so the four of a quad load
// one channel's filters each and hand them to one another: 48 words loaded for 512 multiply-adds, where conv2d_uniform
// loads 96. A quad is 4 lanes on every adapter, so no size of a subgroup is assumed.
//
// Dispatch: filters / 16 by positions / (8 LANES) workgroups of LANES invocations, sizes padded up.
// Twin: src/kernel/conv2d.rs. Tolerance: 1e-5 by norm.

// Invocations in a workgroup.
override LANES: u32;
// Rows and columns of an image.
override HEIGHT: u32;
override WIDTH: u32;
// Rows and columns of its result.
override HEIGHT_OUT: u32;
override WIDTH_OUT: u32;
// Images x HEIGHT_OUT x WIDTH_OUT.
override POSITIONS: u32;
// Rows and columns of the window.
override WINDOW_HEIGHT: u32;
override WINDOW_WIDTH: u32;
// Pixels from one window to the next.
override STRIDE: u32;
// Rows and columns of zeros around an image.
override PADDING: u32;
// Channels of an image; also in vectors of 4, padded.
override CHANNELS: u32;
override CHANNELS_4: u32;
// Padded filters in vectors of 4: those of w, a multiple of 4, and those of y.
override FILTERS_4: u32;
override FILTERS_OUT_4: u32;
// The least that a result may be: 0 for a ReLU, the least number for none.
override FLOOR: f32;

// images x HEIGHT x WIDTH x 4 CHANNELS_4.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// WINDOW_HEIGHT x WINDOW_WIDTH x CHANNELS x 4 FILTERS_4, and rows of zeros behind it for the padding of channels.
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
// 4 FILTERS_4.
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
// Positions, padded to 8 LANES, x 4 FILTERS_OUT_4.
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

// The windows of four positions: their first row and column, which may lie outside, and the pixel that is there.
struct Windows {
    row: vec4<i32>,
    column: vec4<i32>,
    pixel: vec4<i32>,
}

fn windows(first: u32) -> Windows {
    let position = vec4(first) + vec4(0u, 1u, 2u, 3u);
    let line = position / WIDTH_OUT;
    let image = line / HEIGHT_OUT;
    let row = vec4<i32>((line - image * HEIGHT_OUT) * STRIDE) - i32(PADDING);
    let column = vec4<i32>((position - line * WIDTH_OUT) * STRIDE) - i32(PADDING);
    let pixel = (vec4<i32>(image * HEIGHT) + row) * i32(WIDTH) + column;
    // Past the last position, every row is outside.
    return Windows(select(vec4(i32(HEIGHT)), row, position < vec4(POSITIONS)), column, pixel);
}

// Whether this place of each window is inside its image.
fn inside(at: Windows, down: i32, right: i32) -> vec4<bool> {
    // As unsigned numbers, those below zero are large.
    let rows = vec4<u32>(at.row + down) < vec4(HEIGHT);
    return rows & (vec4<u32>(at.column + right) < vec4(WIDTH));
}

// Where the channels of this place of each window begin; 0 outside.
fn starts(at: Windows, down: i32, right: i32, inside: vec4<bool>) -> vec4<u32> {
    return vec4<u32>(select(vec4<i32>(), at.pixel + (down * i32(WIDTH) + right), inside)) * CHANNELS_4;
}

fn channels(i: u32, inside: bool) -> vec4<f32> {
    return select(vec4<f32>(), x[i], inside);
}

// Sixteen words from w[i] on.
fn filters(i: u32) -> mat4x4<f32> {
    return mat4x4(w[i], w[i + 1u], w[i + 2u], w[i + 3u]);
}

// What each lane of a quad has loaded, for all four.
fn first_of_four(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4(
        quadBroadcast(own[0], 0u),
        quadBroadcast(own[1], 0u),
        quadBroadcast(own[2], 0u),
        quadBroadcast(own[3], 0u),
    );
}

fn second_of_four(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4(
        quadBroadcast(own[0], 1u),
        quadBroadcast(own[1], 1u),
        quadBroadcast(own[2], 1u),
        quadBroadcast(own[3], 1u),
    );
}

fn third_of_four(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4(
        quadBroadcast(own[0], 2u),
        quadBroadcast(own[1], 2u),
        quadBroadcast(own[2], 2u),
        quadBroadcast(own[3], 2u),
    );
}

fn fourth_of_four(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4(
        quadBroadcast(own[0], 3u),
        quadBroadcast(own[1], 3u),
        quadBroadcast(own[2], 3u),
        quadBroadcast(own[3], 3u),
    );
}

// sum + s row, sixteen filters at once.
fn add(sum: mat4x4<f32>, s: f32, row: mat4x4<f32>) -> mat4x4<f32> {
    let t = vec4(s);
    return mat4x4(fma(t, row[0], sum[0]), fma(t, row[1], sum[1]), fma(t, row[2], sum[2]), fma(t, row[3], sum[3]));
}

// Four channels' worth of filters.
struct Weights {
    a: mat4x4<f32>,
    b: mat4x4<f32>,
    c: mat4x4<f32>,
    d: mat4x4<f32>,
}

fn accumulate(sum: mat4x4<f32>, v: vec4<f32>, by: Weights) -> mat4x4<f32> {
    return add(add(add(add(sum, v.x, by.a), v.y, by.b), v.z, by.c), v.w, by.d);
}

// Sixteen results from y[i] on, or those of them that y has a place for.
fn store(position: u32, first: u32, sum: mat4x4<f32>) {
    let i = position * FILTERS_OUT_4 + first;
    let least = vec4(FLOOR);
    y[i] = max(sum[0] + bias[first], least);
    if first + 1u < FILTERS_OUT_4 {
        y[i + 1u] = max(sum[1] + bias[first + 1u], least);
    }
    if first + 2u < FILTERS_OUT_4 {
        y[i + 2u] = max(sum[2] + bias[first + 2u], least);
    }
    if first + 3u < FILTERS_OUT_4 {
        y[i + 3u] = max(sum[3] + bias[first + 3u], least);
    }
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let first = 4u * workgroup.x;
    let position = 8u * (workgroup.y * LANES + invocation);
    let low = windows(position);
    let high = windows(position + 4u);
    var s0 = mat4x4<f32>();
    var s1 = mat4x4<f32>();
    var s2 = mat4x4<f32>();
    var s3 = mat4x4<f32>();
    var s4 = mat4x4<f32>();
    var s5 = mat4x4<f32>();
    var s6 = mat4x4<f32>();
    var s7 = mat4x4<f32>();
    var row = first;
    for (var down = 0u; down < WINDOW_HEIGHT; down++) {
        for (var right = 0u; right < WINDOW_WIDTH; right++) {
            let in_low = inside(low, i32(down), i32(right));
            let in_high = inside(high, i32(down), i32(right));
            let from_low = starts(low, i32(down), i32(right), in_low);
            let from_high = starts(high, i32(down), i32(right), in_high);
            for (var c = 0u; c < CHANNELS_4; c++) {
                let own = filters(row + (4u * c + lane % 4u) * FILTERS_4);
                let by = Weights(first_of_four(own), second_of_four(own), third_of_four(own), fourth_of_four(own));
                s0 = accumulate(s0, channels(from_low.x + c, in_low.x), by);
                s1 = accumulate(s1, channels(from_low.y + c, in_low.y), by);
                s2 = accumulate(s2, channels(from_low.z + c, in_low.z), by);
                s3 = accumulate(s3, channels(from_low.w + c, in_low.w), by);
                s4 = accumulate(s4, channels(from_high.x + c, in_high.x), by);
                s5 = accumulate(s5, channels(from_high.y + c, in_high.y), by);
                s6 = accumulate(s6, channels(from_high.z + c, in_high.z), by);
                s7 = accumulate(s7, channels(from_high.w + c, in_high.w), by);
            }
            row += CHANNELS * FILTERS_4;
        }
    }
    store(position, first, s0);
    store(position + 1u, first, s1);
    store(position + 2u, first, s2);
    store(position + 3u, first, s3);
    store(position + 4u, first, s4);
    store(position + 5u, first, s5);
    store(position + 6u, first, s6);
    store(position + 7u, first, s7);
}
