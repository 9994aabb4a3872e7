//! The options of a bench: `--name value`, each with a default. A full argument parser would be more than the benches.

use crate::Result;

/// Reads `--name N` out of the command line.
///
/// # Errors
/// The value is missing or no number.
pub fn number(name: &str, default: usize) -> Result<usize> {
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == name {
            let value = arguments.next().ok_or(format!("{name} needs a number"))?;
            return Ok(value.parse().map_err(|_| format!("{name} {value}: not a whole number"))?);
        }
    }
    Ok(default)
}

/// Refuses what no bench of this name knows.
///
/// # Errors
/// Names the stranger and what is known.
pub fn only(known: &[&str]) -> Result<()> {
    let given: Vec<String> = std::env::args().skip(1).step_by(2).collect();
    match given.iter().find(|name| !known.contains(&name.as_str())) {
        Some(stranger) => Err(format!("{stranger} is unknown; known: {}", known.join(", ")).into()),
        None => Ok(()),
    }
}
