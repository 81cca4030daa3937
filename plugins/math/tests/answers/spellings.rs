//! Answers that are the same in other notations, each with one that only looks so.

use crate::data::is_right;

fn right(answer: &str, reference: &str) -> bool {
    is_right(&format!("\\boxed{{{answer}}}"), reference, "{}")
}

fn assert_same(a: &str, b: &str) {
    assert!(right(a, b), "{a} for {b}");
    assert!(right(b, a), "{b} for {a}");
}

fn assert_different(a: &str, b: &str) {
    assert!(!right(a, b), "{a} for {b}");
    assert!(!right(b, a), "{b} for {a}");
}

#[test]
fn unit_vectors_are_coordinates() {
    assert_same(r"3\mathbf{i}+2\mathbf{j}", "(3,2)");
    assert_same(r"-7\hat{i}+16\hat{j}+5\hat{k}", r"\begin{pmatrix}-7\\16\\5\end{pmatrix}");
    assert_same(r"\mathbf{i}-\mathbf{k}", r"\langle1,0,-1\rangle");
    assert_same("2i+3j+k", r"2\vec{i}+3\vec{j}+\vec{k}");
    assert_different(r"3\mathbf{i}+2\mathbf{j}", "(2,3)");
    assert_different(r"3\mathbf{i}+2\mathbf{j}+\mathbf{k}", "(3,2)");
    assert_different(r"3\mathbf{i}+2\mathbf{j}", "5");
    assert_different("3+2i", "(3,2)");
}

#[test]
fn brackets_of_intervals_may_be_turned() {
    assert_same("]0,1[", "(0,1)");
    assert_same("[0,1[", "[0,1)");
    assert_same("]0;1]", "(0,1]");
    assert_different("[0,1[", "[0,1]");
}

#[test]
fn old_fractions_and_letters_in_another_shape_are_read() {
    assert_same(r"{11\over7}", r"\frac{11}{7}");
    assert_same(r"\varepsilon", r"\epsilon");
    assert_same(r"2\varphi", r"2\phi");
    assert_different(r"\varepsilon", r"\phi");
}

#[test]
fn free_constants_have_any_name() {
    assert_same(r"\frac{x^3}{3}+C", r"\frac13x^3+K");
    assert_same("y=Ce^{2x}", "y=Ae^{2x}");
    assert_same("y=C_1e^{2x}+C_2e^{-x}", "y=Be^{2x}+Ae^{-x}");
    assert_different("x^2+C", "x^2");
    assert_different("x^2+C", "x^3+K");
    assert_different("5C", "5A");
    assert_different("y=C_1e^{2x}+C_2e^{-x}", "y=Ae^{2x}+Ae^{-x}");
    assert_different("Cx", "Kx");
    assert_different("mx+b", "mx+c");
}

#[test]
fn cases_are_compared_row_by_row() {
    let table = r"\begin{cases}x&x>0\\0&x\le0\end{cases}";
    assert_same(table, r"\begin{cases}x,&x>0\\0,&x\leq0\end{cases}");
    assert_same(table, r"\begin{cases}0&\text{if }x\le0\\x&\text{if }x>0\end{cases}");
    assert_different(table, r"\begin{cases}x&x>0\\1&x\le0\end{cases}");
    assert_different(table, r"\begin{cases}x&x\ge0\\0&x<0\end{cases}");
    assert_same(r"\begin{cases}x=1\\y=2\end{cases}", "x=1, y=2");
    assert_different(r"\begin{cases}6&a\\7&b\end{cases}", "7");
}

#[test]
fn remarks_on_variables_are_left_out() {
    assert_same("2k", r"2k, \text{ where } k \text{ is an integer}");
    assert_same(r"\frac\pi6+2k\pi", r"\frac\pi6+2n\pi, \text{ where } n \text{ is an integer}");
    assert_same("f(x)=x", r"f(x)=x \text{ for all } x");
    assert_different("2k", r"2k+1, \text{ where } k \text{ is an integer}");
    assert_different("7", r"7, \text{ where } x \text{ is not } 7");
}

#[test]
fn units_have_prefixes() {
    assert_same(r"12\text{ kPa}", r"1.2\times10^4\mathrm{~Pa}");
    assert_same(r"5\text{ MHz}", r"5000\text{ kHz}");
    assert_same(r"250\text{ mL}", r"0.25\text{ L}");
    assert_same(r"5\text{ ft } 6\text{ in}", r"5.5\text{ ft}");
    assert_different(r"12\text{ kPa}", r"12\text{ MPa}");
    assert_different("2kN", "2");
}

#[test]
fn quadratic_inequalities_are_solved() {
    for (unsolved, solution) in [
        ("x^2<4", "(-2,2)"),
        (r"x^2-5x+6\ge0", r"(-\infty,2]\cup[3,\infty)"),
        ("-x^2>-2", r"-\sqrt2<x<\sqrt2"),
        ("x^2+1>0", r"\mathbb{R}"),
        ("x^2-2x+1>0", r"x\ne1"),
    ] {
        assert!(right(solution, unsolved), "{solution} for {unsolved}");
        // The problem is not its solution.
        assert!(!right(unsolved, solution), "{unsolved} for {solution}");
    }
    assert_different("x^2<4", "[-2,2]");
    assert_different("x^2>4", "(-2,2)");
}
