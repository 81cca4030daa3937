//! Which settings are read only where others have certain values: what has no effect is refused or said, and never passed
//! over in silence.

use gavel_files::{closest, did_you_mean};
use gavel_model::ChatTemplate;
use toml::{Table, Value};

use super::Settings;
use crate::grpo::{
    AdvEstimator, GroupEstimator, KlEstimator, MultiObjectiveAggregation, ScaleRewards, Surrogate,
};
use crate::optim::LrSchedulerType;

/// When settings are read.
struct Rule {
    fields: &'static [&'static str],
    /// In words that follow "read only".
    when: &'static str,
    holds: fn(&Settings) -> bool,
    otherwise: Otherwise,
}

/// What becomes of a setting that is not read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    /// It is a mistake wherever it stands.
    Refused,
    /// A file may say it with reason: what makes it unread is chosen at the start, such as the number of processes.
    Said,
}

use Otherwise::{Refused, Said};

/// A setting may be in several rules, and is read where all of them hold. One that is in none is always read, or its own check
/// says where not.
const RULES: &[Rule] = &[
    Rule {
        fields: &["lora_alpha", "lora_target_modules", "use_rslora"],
        when: "with `lora_r`",
        holds: |settings| settings.lora_r.is_some(),
        otherwise: Refused,
    },
    Rule {
        fields: &["ddp_timeout", "zero_stage"],
        when: "with several processes",
        holds: |settings| settings.processes() > 1,
        otherwise: Said,
    },
    Rule {
        fields: &["filter_groups_metric", "min_pass_rate", "max_pass_rate", "max_num_gen_batches"],
        when: "with `filter_groups`",
        holds: |settings| settings.filter_groups,
        otherwise: Refused,
    },
    Rule {
        fields: &["use_bias_correction_kl", "kl_estimator", "kl_clamp"],
        when: "with `beta` above 0",
        holds: |settings| settings.beta > 0.0,
        otherwise: Refused,
    },
    Rule {
        fields: &["kl_clamp"],
        when: "with `kl_estimator` `k3` or `k3+`",
        holds: |settings| matches!(settings.kl_estimator, KlEstimator::K3 | KlEstimator::K3Through),
        otherwise: Refused,
    },
    Rule {
        fields: &["epsilon"],
        when: "with the surrogate `clip`, `cispo_two_sided`, `gmpo`, `dppo_tv`, `dppo_kl` or `clip_cov`",
        holds: |settings| holds_back(settings.surrogate()),
        otherwise: Refused,
    },
    Rule {
        fields: &["epsilon_high"],
        when: "with the surrogate `clip`, `cispo`, `cispo_two_sided`, `gmpo`, `dppo_tv`, `dppo_kl` or `clip_cov`",
        holds: |settings| holds_back(settings.surrogate()) || settings.surrogate() == Surrogate::Cispo,
        otherwise: Refused,
    },
    Rule {
        fields: &["delta"],
        when: "with the surrogate `clip`, `dppo_tv`, `dppo_kl` or `clip_cov`",
        holds: |settings| {
            use Surrogate::{Clip, ClipCov, DppoKl, DppoTv};
            matches!(settings.surrogate(), Clip | ClipCov | DppoTv | DppoKl)
        },
        otherwise: Refused,
    },
    Rule {
        fields: &["sapo_temperature_pos", "sapo_temperature_neg"],
        when: "with the surrogate `sapo`",
        holds: |settings| settings.surrogate() == Surrogate::Sapo,
        otherwise: Refused,
    },
    Rule {
        fields: &["vespo_k_pos", "vespo_lambda_pos", "vespo_k_neg", "vespo_lambda_neg"],
        when: "with the surrogate `vespo`",
        holds: |settings| settings.surrogate() == Surrogate::Vespo,
        otherwise: Refused,
    },
    Rule {
        fields: &["clip_cov_ratio", "clip_cov_lb", "clip_cov_ub"],
        when: "with the surrogate `clip_cov`",
        holds: |settings| settings.surrogate() == Surrogate::ClipCov,
        otherwise: Refused,
    },
    Rule {
        fields: &["kl_cov_ratio", "ppo_kl_coef"],
        when: "with the surrogate `kl_cov`",
        holds: |settings| settings.surrogate() == Surrogate::KlCov,
        otherwise: Refused,
    },
    Rule {
        fields: &["importance_sampling_level"],
        when: "with the surrogate `clip`, `cispo`, `cispo_two_sided`, `sapo`, `clip_cov` or `kl_cov`, or by \
               `use_bias_correction_kl` with `beta` above 0",
        holds: |settings| {
            use Surrogate::{Cispo, CispoTwoSided, Clip, ClipCov, KlCov, Sapo};
            matches!(settings.surrogate(), Clip | Cispo | CispoTwoSided | Sapo | ClipCov | KlCov)
                || (settings.beta > 0.0 && settings.use_bias_correction_kl)
        },
        otherwise: Refused,
    },
    Rule {
        fields: &[
            "epsilon",
            "epsilon_high",
            "delta",
            "sapo_temperature_pos",
            "sapo_temperature_neg",
            "vespo_k_pos",
            "vespo_lambda_pos",
            "vespo_k_neg",
            "vespo_lambda_neg",
            "kl_cov_ratio",
            "ppo_kl_coef",
            "off_policy_mask_threshold",
            "old_log_probs",
        ],
        when: "off-policy: with several updates of one rollout, or `rollout_ahead`",
        // Cispo asks for its `epsilon_high`, and a `delta` below 1 bounds a ratio of 1.
        holds: |settings| {
            !settings.is_on_policy()
                || settings.surrogate() == Surrogate::Cispo
                || settings.delta.is_some_and(|delta| delta < 1.0)
        },
        otherwise: Said,
    },
    Rule {
        fields: &["group_filter_func"],
        when: "with `num_remains_in_group`",
        holds: |settings| settings.num_remains_in_group.is_some(),
        otherwise: Refused,
    },
    Rule {
        fields: &["gamma", "lam", "cliprange_value", "value_learning_rate"],
        when: "with `adv_estimator = \"gae\"`",
        holds: |settings| settings.adv_estimator == AdvEstimator::Gae,
        otherwise: Refused,
    },
    Rule {
        fields: &["scale_rewards"],
        when: "with `adv_estimator` `grpo`, or `grpo_passk` and another value than `batch`, and not with \
               `normalize_then_sum`",
        holds: |settings| match settings.adv_estimator {
            AdvEstimator::Group(GroupEstimator::Grpo) => {
                settings.multi_objective_aggregation == MultiObjectiveAggregation::SumThenNormalize
            }
            AdvEstimator::Group(GroupEstimator::GrpoPassk) => settings.scale_rewards != ScaleRewards::Batch,
            _ => false,
        },
        otherwise: Refused,
    },
    Rule {
        fields: &["truncated_in_baseline"],
        when: "with `mask_truncated_completions`",
        holds: |settings| settings.mask_truncated_completions,
        otherwise: Refused,
    },
    Rule {
        fields: &["warmup_steps", "warmup_ratio"],
        when: "with an `lr_scheduler_type` that warms up, such as `constant_with_warmup`",
        holds: |settings| settings.lr_scheduler_type != LrSchedulerType::Constant,
        otherwise: Refused,
    },
    Rule {
        fields: &["warmup_ratio"],
        when: "with `warmup_steps` 0",
        holds: |settings| settings.warmup_steps == 0,
        otherwise: Refused,
    },
    Rule {
        fields: &["num_train_epochs"],
        when: "with `max_steps` −1",
        holds: |settings| settings.max_steps == -1,
        otherwise: Said,
    },
    Rule {
        fields: &["log_completions_max_bytes"],
        when: "with `log_completions` or `eval_tasks`",
        holds: |settings| settings.log_completions || settings.eval_tasks.is_some(),
        otherwise: Refused,
    },
    Rule {
        fields: &[
            "eval_steps",
            "eval_on_start",
            "num_generations_eval",
            "eval_temperature",
            "eval_top_p",
            "eval_top_k",
            "eval_min_p",
            "eval_limit",
            "eval_correct",
            "per_device_eval_batch_size",
        ],
        when: "with `eval_tasks`",
        holds: |settings| settings.eval_tasks.is_some(),
        otherwise: Refused,
    },
    Rule {
        fields: &["eval_top_p", "eval_top_k", "eval_min_p"],
        when: "with `eval_temperature` above 0",
        holds: |settings| settings.eval_temperature > 0.0,
        otherwise: Refused,
    },
];

/// Whether a surrogate holds a policy back by `epsilon` and `epsilon_high` both.
fn holds_back(surrogate: Surrogate) -> bool {
    use Surrogate::{CispoTwoSided, Clip, ClipCov, DppoKl, DppoTv, Gmpo};
    matches!(surrogate, Clip | CispoTwoSided | Gmpo | DppoTv | DppoKl | ClipCov)
}

/// When a setting is read, in words that follow "read only"; `None` where it always is.
pub fn read_only(field: &str) -> Option<String> {
    let of_field = RULES.iter().filter(|rule| rule.fields.contains(&field));
    let when: Vec<&str> = of_field.map(|rule| rule.when).collect();
    (!when.is_empty()).then(|| when.join(", and only "))
}

impl Settings {
    /// The first setting that is refused for having no effect, and why.
    pub(super) fn without_effect(&self) -> Option<(&'static str, String)> {
        let (field, rule) = self.unread().find(|(_, rule)| rule.otherwise == Refused)?;
        Some((field, format!("{}; leave it out, or set what makes it read", rule.unread())))
    }

    /// What to say aloud of settings that have no effect as the run is started now.
    pub fn notes(&self) -> Vec<String> {
        let said = self.unread().filter(|(_, rule)| rule.otherwise == Said);
        said.map(|(field, rule)| format!("`{field}` {}", rule.unread())).collect()
    }

    /// The first of what the settings give the model's chat template that it does not read, and why that is refused: a
    /// misspelt variable would be passed over.
    pub(super) fn unread_by(&self, chat: Option<&ChatTemplate>) -> Option<(&'static str, String)> {
        let Some(chat) = chat else {
            let given = [
                ("chat_template_kwargs", !self.chat_template_kwargs.is_empty()),
                ("chat_date", self.chat_date.is_some()),
            ];
            let (field, _) = given.into_iter().find(|&(_, given)| given)?;
            let problem = "has no effect here: the model has no chat template; leave it out".to_owned();
            return Some((field, problem));
        };
        if self.chat_date.is_some() && !chat.asks_for_date() {
            let problem =
                "has no effect here: the model's chat template does not ask for a date; leave it out";
            return Some(("chat_date", problem.to_owned()));
        }
        let variables = chat.variables();
        let name = self.chat_template_kwargs.keys().find(|name| !variables.contains(*name))?;
        let meant = did_you_mean(closest(name, variables.iter().map(String::as_str)));
        let quoted: Vec<_> = variables.iter().map(|name| format!("`{name}`")).collect();
        let reads = if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") };
        let problem = format!(
            "has `{name}`, which is no variable of the model's chat template{meant}: it reads {reads}"
        );
        Some(("chat_template_kwargs", problem))
    }

    /// Whether a setting, whatever its value, is not read.
    pub(super) fn is_unread(&self, field: &str) -> bool {
        RULES.iter().any(|rule| rule.fields.contains(&field) && !(rule.holds)(self))
    }

    /// The settings that differ from their defaults and are not read, with the rules that say so.
    fn unread(&self) -> impl Iterator<Item = (&'static str, &'static Rule)> {
        let (given, default) = (table(self), table(&Self::default()));
        let broken = RULES.iter().filter(|rule| !(rule.holds)(self));
        let mut found: Vec<(&'static str, &'static Rule)> = Vec::new();
        for rule in broken {
            let said = rule.fields.iter().filter(|field| given.get(**field) != default.get(**field));
            for field in said {
                if !found.iter().any(|(known, before)| known == field && before.otherwise == rule.otherwise) {
                    found.push((field, rule));
                }
            }
        }
        found.into_iter()
    }
}

impl Rule {
    fn unread(&self) -> String {
        format!("has no effect here: it is read only {}", self.when)
    }
}

fn table(settings: &Settings) -> std::collections::BTreeMap<String, Value> {
    let table = Table::try_from(settings).expect("settings are numbers, strings and lists of strings");
    table.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::fields;
    use super::*;

    #[test]
    fn a_variable_that_the_chat_template_does_not_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let kwargs = |name: &str| [(name.to_owned(), false.into())].into_iter().collect();
        let settings = |name: &str| Settings {
            model: directory.path().to_owned(),
            chat_template_kwargs: kwargs(name),
            ..Settings::default()
        };
        let refused = |settings: &Settings| settings.prompts().unwrap_err().to_string();
        let without = refused(&settings("enable_thinking"));
        assert!(
            without.ends_with("has no effect here: the model has no chat template; leave it out"),
            "{without}"
        );
        let text =
            "{% for m in messages %}{{ m.content }}{% endfor %}{% if enable_thinking %}<think>{% endif %}";
        std::fs::write(directory.path().join("chat_template.jinja"), text).unwrap();
        settings("enable_thinking").prompts().unwrap();
        let misspelt = refused(&settings("enable_thinkng"));
        let expected = "has `enable_thinkng`, which is no variable of the model's chat template (did you mean \
                        `enable_thinking`?): it reads `enable_thinking`";
        assert!(misspelt.ends_with(expected), "{misspelt}");
        let given_anyway = refused(&settings("messages"));
        assert!(given_anyway.contains("`messages`, which is no variable"), "{given_anyway}");
        let dated = Settings { chat_date: "2026-11-30".parse().ok(), ..settings("enable_thinking") };
        assert!(refused(&dated).contains("`chat_date` has no effect here"), "{}", refused(&dated));
    }

    #[test]
    fn every_name_is_that_of_a_setting() {
        for rule in RULES {
            for field in rule.fields {
                assert!(fields().contains(field), "{field}");
            }
            let quoted = rule.when.split('`').skip(1).step_by(2);
            let names = quoted.filter(|name| name.contains('_') && !name.contains(' '));
            let values = ["cispo_two_sided", "dppo_tv", "dppo_kl", "clip_cov", "kl_cov", "grpo_passk"];
            let values = [&values[..], &["normalize_then_sum", "constant_with_warmup"]].concat();
            names.for_each(|name| assert!(fields().contains(&name) || values.contains(&name), "{name}"));
        }
    }

    #[test]
    fn defaults_are_never_without_effect() {
        let settings = Settings::default();
        assert_eq!((settings.without_effect(), settings.notes()), (None, Vec::new()));
        let alone = Settings { max_steps: 3, num_processes: Some(1), ..settings };
        assert_eq!((alone.without_effect(), alone.notes()), (None, Vec::new()));
    }

    #[test]
    fn what_a_start_makes_unread_is_said() {
        let settings =
            Settings { epsilon_high: Some(0.28), zero_stage: 1, max_steps: 3, ..Settings::default() };
        let settings = Settings { num_train_epochs: 1.0, ..settings };
        assert_eq!(settings.without_effect(), None);
        let notes = settings.notes();
        let begin: Vec<_> = notes.iter().map(|note| note.split_once(": ").unwrap().0).collect();
        let expected = ["zero_stage", "epsilon_high", "num_train_epochs"];
        assert_eq!(begin, expected.map(|field| format!("`{field}` has no effect here")));
        let moved = Settings { num_iterations: 2, num_processes: Some(2), max_steps: -1, ..settings };
        assert_eq!(moved.notes(), Vec::<String>::new());
    }

    #[test]
    fn a_surrogate_has_its_own_settings_read() {
        for (surrogate, sets) in [
            (Surrogate::Sapo, Settings { sapo_temperature_pos: 2.0, ..Settings::default() }),
            (Surrogate::Vespo, Settings { vespo_k_neg: 2.0, ..Settings::default() }),
            (Surrogate::ClipCov, Settings { clip_cov_lb: 0.5, ..Settings::default() }),
            (Surrogate::KlCov, Settings { ppo_kl_coef: 1.0, ..Settings::default() }),
            (Surrogate::DppoTv, Settings { delta: Some(3.0), ..Settings::default() }),
        ] {
            let read = Settings { surrogate: Some(surrogate), ..sets.clone() };
            assert_eq!(read.without_effect(), None, "{surrogate:?}");
            let unread = Settings { surrogate: Some(Surrogate::Gpg), ..sets };
            assert!(unread.without_effect().is_some(), "{surrogate:?}");
        }
    }
}
