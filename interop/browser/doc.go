// Package browser has a browser, Debian's chromium, look at the page of
// aio/live. With the variable SCREENSHOTS its tests keep pictures of the page
// in the folder that it names:
//
//	SCREENSHOTS=$PWD go test .
//
// Command picture, below it, makes the picture in the README, and command
// watched measures what it costs a program to be watched:
//
//	go run ./picture
//	go run ./watched
package browser
