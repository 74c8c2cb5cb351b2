/* Puts 32-bit words from stdin through a battery of TestU01: battery small|crush NAME. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <TestU01.h>

static unsigned int words[1 << 14];
static size_t used, filled;

static unsigned int next_word(void)
{
    if (used == filled) {
        filled = fread(words, sizeof words[0], sizeof words / sizeof words[0], stdin);
        used = 0;
        if (filled == 0) {
            fprintf(stderr, "battery: the words ended\n");
            exit(1);
        }
    }
    return words[used++];
}

int main(int count, char **arguments)
{
    if (count < 3) {
        fprintf(stderr, "battery small|crush NAME\n");
        return 2;
    }
    unif01_Gen *generator = unif01_CreateExternGenBits(arguments[2], next_word);
    swrite_Basic = FALSE;
    if (strcmp(arguments[1], "crush") == 0)
        bbattery_Crush(generator);
    else
        bbattery_SmallCrush(generator);
    unif01_DeleteExternGenBits(generator);
    return 0;
}
