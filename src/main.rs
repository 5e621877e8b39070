//! The binary: words in, exit code out. Everything else is the library.

fn main() -> std::process::ExitCode {
    name_a_runtime_folder();
    dawndusk::cli::main()
}

/// Mesa's device-selection layer looks for a Wayland socket and prints an error of its own where no folder for one is
/// named. A folder without a socket in it is answer enough.
#[expect(unsafe_code, reason = "setting a variable is unsafe while other threads run; here none does")]
fn name_a_runtime_folder() {
    const NAME: &str = "XDG_RUNTIME_DIR";
    if cfg!(target_os = "linux") && std::env::var_os(NAME).is_none() {
        // SAFETY: this is the first thing that `main` does, and no other thread has been started.
        unsafe { std::env::set_var(NAME, std::env::temp_dir()) };
    }
}
