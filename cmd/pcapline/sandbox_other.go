//go:build !linux

package main

// sandbox needs Landlock, which only Linux has.
func sandbox(_, _ []string) error { return nil }
