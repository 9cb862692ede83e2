//! What workloads and backends may be called: names end up in folders, CSV files and command lines.

/// The longest name of a workload, or half of a backend's.
pub(crate) const MAX_LENGTH: usize = 64;

/// `[a-z0-9][a-z0-9._-]*`, of bounded length.
pub(crate) fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    text.len() <= MAX_LENGTH
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(inner)
}

/// A name, or two with a slash between: backend and profile.
pub(crate) fn is_backend(text: &str) -> bool {
    match text.split_once('/') {
        Some((backend, profile)) => is_name(backend) && is_name(profile),
        None => is_name(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_folders_and_commands() {
        for good in ["a", "mlp-iris", "0.5b_q4", "x..y"] {
            assert!(is_name(good) && is_backend(good), "{good}");
        }
        let long = "a".repeat(65);
        for bad in ["", "-a", ".", "..", "A", "a b", "a@b", "ä", "a\n", "a\\b", long.as_str()] {
            assert!(!is_name(bad) && !is_backend(bad), "{bad:?}");
        }
        assert!(is_backend("mine/fast") && !is_name("mine/fast"));
        for bad in ["/", "a/", "/a", "a/b/c", "a//b", "a/.."] {
            assert!(!is_backend(bad), "{bad}");
        }
    }
}
