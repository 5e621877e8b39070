// fma: x <- factor x + addend, again and again. What the adapter's arithmetic gives: its peak rate in f32.
//
// Each invocation keeps 12 chains of fused multiply-adds in registers and takes STEPS steps on all of them. The factor
// lies just inside -1, so that values change sign at every step and neither settle nor grow: the count of steps shows
// in the result, and operands keep switching as they do in work.
//
// Twelve chains hide the latency of each other and fit, with factor and addend, into the 16 vector registers of the
// smallest CPU. A turn of the loop costs a software renderer a select for every chain, so it takes 32 steps. Measured
// over 4 to 24 chains and 4 to 32 steps: this is the fastest on lavapipe, where the adapter has no fused instruction
// and runs at two vector operations a cycle, the limit of its ports, and on SwiftShader.
//
// Dispatch: one invocation for every 12 values, workgroups of WIDTH in rows of ROW workgroups.
// Twin: src/kernel/fma.rs. Tolerance: 1e-5 by norm; the twin rounds twice where the adapter may round once.

// Invocations in a workgroup.
override WIDTH: u32;
// Workgroups along x; y continues where a row ends.
override ROW: u32;
// Steps of each chain, a multiple of 32.
override STEPS: u32;

// chains x 12 values: what each chain starts from.
@group(0) @binding(0) var<storage, read> start: array<vec4<f32>>;
// One for each invocation.
@group(0) @binding(1) var<storage, read> factor: array<f32>;
// One for each invocation.
@group(0) @binding(2) var<storage, read> addend: array<f32>;
// As start: where each chain ends.
@group(0) @binding(3) var<storage, read_write> end: array<vec4<f32>>;

struct Chains {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
}

fn step(x: Chains, s: vec4<f32>, t: vec4<f32>) -> Chains {
    return Chains(fma(s, x.a, t), fma(s, x.b, t), fma(s, x.c, t));
}

fn eight_steps(x: Chains, s: vec4<f32>, t: vec4<f32>) -> Chains {
    let four = step(step(step(step(x, s, t), s, t), s, t), s, t);
    return step(step(step(step(four, s, t), s, t), s, t), s, t);
}

@compute @workgroup_size(WIDTH)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let i = (workgroup.y * ROW + workgroup.x) * WIDTH + invocation;
    let s = vec4(factor[i]);
    let t = vec4(addend[i]);
    var x = Chains(start[3u * i], start[3u * i + 1u], start[3u * i + 2u]);
    for (var done = 0u; done < STEPS; done += 32u) {
        x = eight_steps(eight_steps(eight_steps(eight_steps(x, s, t), s, t), s, t), s, t);
    }
    end[3u * i] = x.a;
    end[3u * i + 1u] = x.b;
    end[3u * i + 2u] = x.c;
}
