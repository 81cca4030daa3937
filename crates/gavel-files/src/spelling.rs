//! What somebody probably meant who misspelt a name.

/// How alike two names are from 0 to 1 that one is taken for the other.
const ALIKE: f64 = 0.8;

/// The known word that `word` was probably meant to be, if there is one.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|&(likeness, _)| likeness > ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// The suggestion, as every message says it; nothing where there is none.
pub fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|word| format!(" (did you mean `{word}`?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_meant_and_none_where_all_are_far() {
        let known = ["learning_rate", "num_generations", "max_steps"];
        assert_eq!(closest("learnin_rate", known), Some("learning_rate"));
        assert_eq!(closest("zzz", known), None);
        assert_eq!(did_you_mean(closest("max_step", known)), " (did you mean `max_steps`?)");
        assert_eq!(did_you_mean(None), "");
    }
}
