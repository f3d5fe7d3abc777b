/*
 * title.h - what others see of this process in /proc: its arguments and environment.
 */
#ifndef BASE_TITLE_H
#define BASE_TITLE_H

/* Before the arguments of main, or the last of them, are changed. */
void title_remember(int argc, char *const *argv);
/* Shows these words as the arguments, cut off where the old ones ended, and no environment. What
 * environ points to is gone from then on, and so is the name of the executed file. The last word is
 * NULL. */
void title_set(const char *const *words);

#endif
