//! CPU time of a program and of all that it has started: what a meter costs that is a program.

use crate::units::Seconds;

/// CPU time of the process `number` and of all below it, those among them that have come to an end and were waited for; none
/// where the system does not tell. What has left its parents is not found.
#[cfg(target_os = "linux")]
pub(super) fn of_family(number: u32) -> Option<Seconds> {
    let mut ticks = own_ticks(number)?;
    let mut families = children(number);
    while let Some(child) = families.pop() {
        // It may have ended in between; then its parent has its time.
        ticks += own_ticks(child).unwrap_or(0);
        families.extend(children(child));
    }
    Some(Seconds(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// No other system tells it by a file.
#[cfg(not(target_os = "linux"))]
pub(super) fn of_family(_number: u32) -> Option<Seconds> {
    None
}

/// Its own time and that of the children that it has waited for (proc(5), the fields 14 to 17 of `stat`).
#[cfg(target_os = "linux")]
fn own_ticks(number: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The second field is the name, which may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let times: Vec<u64> = rest.split(' ').skip(11).take(4).filter_map(|word| word.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().sum())
}

#[cfg(target_os = "linux")]
fn children(number: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{number}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<u32>>()).collect()
}
