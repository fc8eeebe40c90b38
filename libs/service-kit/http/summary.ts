import { ApiOperation } from '@nestjs/swagger';

/** What a route does, in a few words: its line in the list of `/docs`. */
export const Summary = (summary: string): MethodDecorator => ApiOperation({ summary });
