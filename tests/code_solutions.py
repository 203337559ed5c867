"""Solutions of our own to problems of `tests/data/code_contests`, by the number of the problem and language."""

SQUARE_STRINGS, SPECIAL_NUMBERS, EQUAL_REMAINDERS, NUMBERS_WITH_ZEROS = range(4)

SQUARE_STRING_SOLUTIONS = {
    "python": """
for _ in range(int(input())):
    s = input().strip()
    half = len(s) // 2
    print("YES" if s[:half] == s[half:] else "NO")
""",
    "cpp": """
#include <iostream>
#include <string>
int main() {
    int t;
    std::cin >> t;
    for (std::string s; std::cin >> s;) {
        auto half = s.size() / 2;
        std::cout << (s.size() % 2 == 0 && s.substr(0, half) == s.substr(half) ? "YES" : "NO") << "\\n";
    }
}
""",
    "c": """
#include <stdio.h>
#include <string.h>
int main(void) {
    char s[200];
    scanf("%s", s);
    while (scanf("%s", s) == 1) {
        size_t n = strlen(s);
        puts(n % 2 == 0 && !strncmp(s, s + n / 2, n / 2) ? "YES" : "NO");
    }
}
""",
    "javascript": """
const [t, ...words] = require("fs").readFileSync(0, "utf8").split(/\\s+/).filter(Boolean);
for (const s of words) {
  const half = Math.floor(s.length / 2);
  console.log(s.slice(0, half) === s.slice(half) ? "YES" : "NO");
}
""",
    "java": """
import java.util.Scanner;

public class Squares {
    static boolean isSquare(String s) {
        int half = s.length() / 2;
        return s.substring(0, half).equals(s.substring(half));
    }

    public static void main(String[] arguments) {
        Scanner in = new Scanner(System.in);
        int t = in.nextInt();
        while (t-- > 0) System.out.println(isSquare(in.next()) ? "YES" : "NO");
    }
}
""",
    "go": """
package main

import "fmt"

func main() {
	var t int
	fmt.Scan(&t)
	for ; t > 0; t-- {
		var s string
		fmt.Scan(&s)
		half := len(s) / 2
		if s[:half] == s[half:] {
			fmt.Println("YES")
		} else {
			fmt.Println("NO")
		}
	}
}
""",
    "rust": """
use std::io::Read;

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    for s in text.split_whitespace().skip(1) {
        let half = s.len() / 2;
        println!("{}", if s[..half] == s[half..] { "YES" } else { "NO" });
    }
}
""",
    "bash": """
read -r t
while read -r s; do
    half=$(( ${#s} / 2 ))
    [ -z "$s" ] && continue
    if [ "${s:0:half}" = "${s:half}" ]; then echo YES; else echo NO; fi
done
""",
}
SPECIAL_NUMBER_SOLUTION = """
for _ in range(int(input())):
    n, k = map(int, input().split())
    print(sum(pow(n, place, 10**9 + 7) for place in range(k.bit_length()) if k >> place & 1) % (10**9 + 7))
"""
EQUAL_REMAINDER_SOLUTION = """
for _ in range(int(input())):
    x, y = map(int, input().split())
    print(x + y if x > y else y - y % x // 2)
"""
EQUAL_REMAINDER_CHECKER = """
def check(stdin, expected, output):
    pairs = [tuple(map(int, line.split())) for line in stdin.splitlines()[1:]]
    found = list(map(int, output.split()))
    return len(found) == len(pairs) and all(
        1 <= n <= 2 * 10**18 and n % x == y % n for n, (x, y) in zip(found, pairs)
    )
"""
NUMBER_WITH_ZEROS_SOLUTION = """
from fractions import Fraction
for _ in range(int(input())):
    x, p = map(int, input().split())
    y, q = map(int, input().split())
    shift = min(p, q)
    p, q = min(p - shift, 10), min(q - shift, 10)
    left, right = x * 10**p, y * 10**q
    print("<" if left < right else ">" if left > right else "=")
"""
