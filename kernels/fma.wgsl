// fma: x <- factor x + addend, again and again. What the adapter's arithmetic gives: its peak rate in f32.
//
// Each invocation keeps 16 chains of fused multiply-adds in registers, enough to hide the latency of each, and
// takes STEPS steps on all of them. The factor lies just inside -1, so that values change sign at every step and
// neither settle nor grow: the count of steps shows in the result, and operands keep switching as they do in work.
//
// Dispatch: one invocation for every 16 values, workgroups of WIDTH in rows of ROW workgroups.
// Twin: src/kernel/fma.rs. Tolerance: 1e-5 by norm; the twin rounds twice where the adapter may round once.

// Invocations in a workgroup.
override WIDTH: u32;
// Workgroups along x; y continues where a row ends.
override ROW: u32;
// Steps of each chain, a multiple of 8.
override STEPS: u32;

// chains x 16 values: what each chain starts from.
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
    d: vec4<f32>,
}

fn step(x: Chains, s: vec4<f32>, t: vec4<f32>) -> Chains {
    return Chains(fma(s, x.a, t), fma(s, x.b, t), fma(s, x.c, t), fma(s, x.d, t));
}

@compute @workgroup_size(WIDTH)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let i = (workgroup.y * ROW + workgroup.x) * WIDTH + invocation;
    let s = vec4(factor[i]);
    let t = vec4(addend[i]);
    var x = Chains(start[4u * i], start[4u * i + 1u], start[4u * i + 2u], start[4u * i + 3u]);
    // Eight steps to a turn of the loop: a turn costs a software renderer as much as several steps.
    for (var done = 0u; done < STEPS; done += 8u) {
        x = step(step(step(step(x, s, t), s, t), s, t), s, t);
        x = step(step(step(step(x, s, t), s, t), s, t), s, t);
    }
    end[4u * i] = x.a;
    end[4u * i + 1u] = x.b;
    end[4u * i + 2u] = x.c;
    end[4u * i + 3u] = x.d;
}
