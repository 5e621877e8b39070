//! The binary: words in, exit code out. Everything else is the library.

fn main() -> std::process::ExitCode {
    dawndusk::cli::main()
}
