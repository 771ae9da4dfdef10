//! Tables, figures and pages.
