// Package browser has a browser, Debian's chromium, look at the page of aio/live. With
// the variable SCREENSHOTS its tests keep pictures of the page in the folder that it
// names:
//
//	SCREENSHOTS=$PWD go test .
package browser
