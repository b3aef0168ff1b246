//! The shop and its tools in one program.

fn main() -> std::process::ExitCode {
    shipyard::main()
}
