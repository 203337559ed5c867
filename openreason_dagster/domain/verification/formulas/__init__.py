"""Mathematical answers read into trees and compared, without evaluating any text."""
