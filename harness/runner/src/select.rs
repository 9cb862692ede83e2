//! Which workloads and backends a run takes: globs as a user writes them.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A set of globs; an empty one takes everything.
#[derive(Clone, Debug)]
pub struct Selection {
    set: Option<GlobSet>,
    patterns: Vec<String>,
}

/// A glob that cannot be understood, or that matches nothing.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// Not a glob.
    #[error("{flag} {pattern}: {source}")]
    Glob {
        /// The flag that it was given by.
        flag: &'static str,
        /// The pattern.
        pattern: String,
        /// Why.
        source: globset::Error,
    },
    /// No name matches.
    #[error("{flag} {pattern}: matches none of: {known}")]
    NoMatch {
        /// The flag that it was given by.
        flag: &'static str,
        /// The pattern.
        pattern: String,
        /// What there is.
        known: String,
    },
}

impl Selection {
    /// The globs of one flag, each of which must match one of the known names. A backend's name without a profile stands for all
    /// its profiles: `ezkl` takes `ezkl/default` and `ezkl/tuned`.
    ///
    /// # Errors
    /// When a pattern is no glob or matches none of `known`.
    pub fn new(flag: &'static str, patterns: &[String], known: &[String]) -> Result<Self, SelectionError> {
        let glob = |pattern: &str| {
            GlobBuilder::new(pattern).literal_separator(false).build().map_err(|source| SelectionError::Glob {
                flag,
                pattern: pattern.to_owned(),
                source,
            })
        };
        let mut all = GlobSetBuilder::new();
        for pattern in patterns {
            let (exact, family) = (glob(pattern)?, glob(&format!("{pattern}/*"))?);
            let matcher = (exact.compile_matcher(), family.compile_matcher());
            if !known.iter().any(|name| matcher.0.is_match(name) || matcher.1.is_match(name)) {
                let known = known.join(", ");
                return Err(SelectionError::NoMatch { flag, pattern: pattern.clone(), known });
            }
            all.add(exact);
            all.add(family);
        }
        let build = |source| SelectionError::Glob { flag, pattern: patterns.join(" "), source };
        let set = if patterns.is_empty() { None } else { Some(all.build().map_err(build)?) };
        Ok(Self { set, patterns: patterns.to_vec() })
    }

    /// Whether a name is taken.
    pub fn takes(&self, name: &str) -> bool {
        self.set.as_ref().is_none_or(|set| set.is_match(name))
    }

    /// Whether a name is taken because it was written out in full: then it is wanted even where it is dear.
    pub fn names(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<String> {
        ["native", "ezkl/default", "ezkl/tuned"].map(String::from).to_vec()
    }

    fn taken(patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        let selection = Selection::new("--backend", &patterns, &known()).unwrap();
        known().into_iter().filter(|name| selection.takes(name)).collect()
    }

    #[test]
    fn globs_families_and_nothing_at_all() {
        assert_eq!(taken(&[]), known());
        assert_eq!(taken(&["ezkl/*"]), ["ezkl/default", "ezkl/tuned"]);
        assert_eq!(taken(&["ezkl"]), ["ezkl/default", "ezkl/tuned"]);
        assert_eq!(taken(&["*tuned", "native"]), ["native", "ezkl/tuned"]);
        assert_eq!(taken(&["*"]), known());
    }

    #[test]
    fn a_pattern_that_matches_nothing_names_the_flag_and_what_there_is() {
        let error = Selection::new("--backend", &["halo3".into()], &known()).unwrap_err().to_string();
        assert!(error.contains("--backend halo3") && error.contains("ezkl/tuned"), "{error}");
        assert!(Selection::new("--backend", &["[".into()], &known()).is_err());
    }
}
