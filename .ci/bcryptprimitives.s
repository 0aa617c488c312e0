# ProcessPrng(buf, len), the function of bcryptprimitives.dll that Go's runtime
# calls: it fills buf with random bytes, and returns 1.
	.text
	.globl ProcessPrng
ProcessPrng:
	testq %rdx, %rdx
	jz 2f
1:	rdrand %rax
	jnc 1b
	movb %al, (%rcx)
	incq %rcx
	decq %rdx
	jnz 1b
2:	movl $1, %eax
	ret

	.globl DllMain
DllMain:
	movl $1, %eax
	ret

	.section .drectve
	.ascii " -export:\"ProcessPrng\""
