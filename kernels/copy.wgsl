// copy: destination = source. What the adapter's memory gives: its peak rate in bytes read plus bytes written.
//
// An invocation moves four vectors, WIDTH apart, so that neighbours touch neighbouring vectors. On lavapipe that is a
// fifth faster than one vector each.
//
// Dispatch: one invocation for every 16 words, workgroups of WIDTH in rows of ROW workgroups.
// Twin: src/kernel/copy.rs. Tolerance: the words are equal.

// Invocations in a workgroup.
override WIDTH: u32;
// Workgroups along x; y continues where a row ends, since one axis holds only 65535 of them.
override ROW: u32;

// count words, padded to whole workgroups.
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
// As source.
@group(0) @binding(1) var<storage, read_write> destination: array<vec4<f32>>;

@compute @workgroup_size(WIDTH)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let i = 4u * WIDTH * (workgroup.y * ROW + workgroup.x) + invocation;
    destination[i] = source[i];
    destination[i + WIDTH] = source[i + WIDTH];
    destination[i + 2u * WIDTH] = source[i + 2u * WIDTH];
    destination[i + 3u * WIDTH] = source[i + 3u * WIDTH];
}
