//! Random hex digits: names that nobody else has, and marks that nobody can guess.

/// `2 * BYTES` lowercase hex digits from the operating system.
pub(crate) fn hex<const BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
